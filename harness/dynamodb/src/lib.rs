//! DynamoDB: an engine in this process, or any other one, with the table in it, and proxies in front of
//! it, one for each function under test.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod engine;
mod fault;
mod lock;
mod proxy;
mod table;

use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use dynoxide::Database;

use keysync_emulator_support::{aws, context::Context, server::Server};
use lock::Lock;

pub use fault::{Fault, Times};
pub use proxy::{Call, Proxy};
pub use table::{DEFINITION, DUE_INDEX, TABLE};

/// Where the table lives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// In this process, in memory.
    Memory,
    /// In this process, kept in a file.
    File(PathBuf),
    /// In an engine that runs already, such as DynamoDB Local.
    Url(String),
}

/// DynamoDB could not be started or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DynamoError {
    /// The engine in this process does not start.
    #[error("the embedded engine does not start on {engine:?}: {reason}")]
    Engine {
        /// Which.
        engine: Engine,
        /// Why.
        reason: String,
    },
    /// Another harness keeps its table in the file.
    #[error(
        "another harness keeps its table in {}: end that one first, or name another file with `--data`",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A port could not be had.
    #[error("no port to listen on: {0}")]
    Listen(#[from] std::io::Error),
    /// The definition of the table cannot be read.
    #[error("table.json: {0}")]
    Definition(String),
    /// The table could not be made or looked at.
    #[error("the table at {url}: {reason}")]
    Table {
        /// The engine.
        url: String,
        /// Why.
        reason: String,
    },
    /// A client could not be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A DynamoDB with the table in it. Dropping it ends what runs in this process.
#[derive(Debug)]
pub struct Dynamo {
    url: String,
    config: SdkConfig,
    sync: Proxy,
    lifecycle: Proxy,
    redeliver: Proxy,
    /// Where it is in this process.
    _engine: Option<Server>,
    /// Where it keeps its table in a file. Given up last.
    _lock: Option<Lock>,
}

impl Dynamo {
    /// Starts `engine`, makes `table` if it is not there, and puts the proxies in front.
    pub async fn start(engine: Engine, table: &str, context: &Context) -> Result<Self, DynamoError> {
        let lock = if let Engine::File(path) = &engine { Some(Lock::take(path)?) } else { None };
        let database = match &engine {
            Engine::Url(_) => None,
            Engine::Memory => Some(Database::memory()),
            Engine::File(path) => Some(Database::new(&path.to_string_lossy())),
        };
        let server = match database.transpose() {
            Ok(None) => None,
            Ok(Some(database)) => Some(Server::start(engine::router(database), &context.guard).await?),
            Err(error) => return Err(DynamoError::Engine { engine, reason: error.to_string() }),
        };
        let url = match (&engine, &server) {
            (Engine::Url(url), _) => url.trim_end_matches('/').to_owned(),
            (_, server) => server.as_ref().map(Server::url).unwrap_or_default(),
        };
        // One for all three: a client takes 30 ms to make, more than everything else here.
        let http = reqwest::Client::builder().no_proxy().build()?;
        let sync = Proxy::start(&url, &http, context).await?;
        let lifecycle = Proxy::start(&url, &http, context).await?;
        let redeliver = Proxy::start(&url, &http, context).await?;
        let config = aws::sdk_config(&url)?;
        let dynamo = Self { sync, lifecycle, redeliver, url, config, _engine: server, _lock: lock };
        table::create_if_absent(&dynamo, table).await?;
        Ok(dynamo)
    }

    /// The engine itself. Calls that go there are not counted and not disturbed.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `sync` goes through.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.sync
    }

    /// What `lifecycle` goes through.
    #[must_use]
    pub fn lifecycle_proxy(&self) -> &Proxy {
        &self.lifecycle
    }

    /// What `redeliver` goes through.
    #[must_use]
    pub fn redeliver_proxy(&self) -> &Proxy {
        &self.redeliver
    }

    /// A client of the engine itself.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// The engine itself, as keysync's own clients are configured.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        self.config.clone()
    }
}
