//! DynamoDB: an engine in this process or an external one, with the table, behind one
//! fault-injecting proxy for each function under test.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod applied;
mod engine;
mod fault;
mod in_process;
mod lock;
mod proxy;
mod rejection;
mod table;

use std::{path::PathBuf, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use dynoxide::Database;

use applied::Recorder;
use keysync_emulator_support::{aws, context::Context, server::Server};
use lock::Lock;

pub use applied::Applied;
pub use engine::EmbeddedTable;
pub use fault::{DecidedByClosure, Fault, InjectedFault, Times};
pub use proxy::{Call, Proxy};
pub use rejection::Rejection;
pub use table::{DEFINITION, DUE_INDEX, TABLE};

/// The engine that stores the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// In this process, in memory.
    Memory,
    /// In this process, in a file.
    File(PathBuf),
    /// A running engine at this URL, such as DynamoDB Local.
    Url(String),
}

/// An error of starting or using DynamoDB.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DynamoError {
    /// The engine in this process cannot be started.
    #[error("cannot start the embedded engine {engine:?}: {reason}")]
    Engine {
        /// The engine.
        engine: Engine,
        /// The reason.
        reason: String,
    },
    /// Another harness uses the file.
    #[error(
        "another harness uses {}: stop it first, or choose another file with `--data`",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A port cannot be opened.
    #[error("cannot listen on a port: {0}")]
    Listen(#[from] std::io::Error),
    /// The definition of the table is invalid.
    #[error("invalid table.json: {0}")]
    Definition(String),
    /// The table cannot be created or described.
    #[error("cannot create or describe the table at {url}: {reason}")]
    Table {
        /// The engine's URL.
        url: String,
        /// The reason.
        reason: String,
    },
    /// An HTTP client cannot be built.
    #[error("cannot build an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// DynamoDB with the table. Dropping it ends the engine and the proxies in this process.
#[derive(Debug)]
pub struct Dynamo {
    url: String,
    table: String,
    config: SdkConfig,
    sync: Proxy,
    lifecycle: Proxy,
    redeliver: Proxy,
    recorder: Arc<Recorder>,
    /// The server of an engine in this process.
    engine: Option<Server>,
    /// The lock on the table's file. Declared last, so that it is released last.
    _lock: Option<Lock>,
}

impl Dynamo {
    /// Starts `engine`, creates `table` if it does not exist, and starts the proxies.
    pub async fn start(engine: Engine, table: &str, context: &Context) -> Result<Self, DynamoError> {
        let lock = if let Engine::File(path) = &engine { Some(Lock::acquire(path)?) } else { None };
        let database = match &engine {
            Engine::Url(_) => None,
            Engine::Memory => Some(Database::memory()),
            Engine::File(path) => Some(Database::new(&path.to_string_lossy())),
        };
        let recorder = Arc::new(Recorder::new(context.clone()));
        let server = match database.transpose() {
            Ok(None) => None,
            Ok(Some(database)) => {
                Some(Server::start(engine::router(database, recorder.clone()), &context.guard).await?)
            }
            Err(error) => return Err(DynamoError::Engine { engine, reason: error.to_string() }),
        };
        let url = match (&engine, &server) {
            (Engine::Url(url), _) => url.trim_end_matches('/').to_owned(),
            (_, server) => server.as_ref().map(Server::url).unwrap_or_default(),
        };
        // Shared by all three: building a client takes 30 ms, more than all other steps here.
        let http = reqwest::Client::builder().no_proxy().build()?;
        let sync = Proxy::start(&url, &http, context).await?;
        let lifecycle = Proxy::start(&url, &http, context).await?;
        let redeliver = Proxy::start(&url, &http, context).await?;
        let config = aws::sdk_config(&url);
        let table = table.to_owned();
        let dynamo =
            Self { sync, lifecycle, redeliver, url, table, config, recorder, engine: server, _lock: lock };
        table::create_if_absent(&dynamo).await?;
        Ok(dynamo)
    }

    /// The engine's URL. Calls to it are not counted and have no faults.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The proxies of the three functions.
    #[must_use]
    pub fn proxies(&self) -> [&Proxy; 3] {
        [&self.sync, &self.lifecycle, &self.redeliver]
    }

    /// The proxy of the function `sync`.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.sync
    }

    /// The proxy of the function `lifecycle`.
    #[must_use]
    pub fn lifecycle_proxy(&self) -> &Proxy {
        &self.lifecycle
    }

    /// The proxy of the function `redeliver`.
    #[must_use]
    pub fn redeliver_proxy(&self) -> &Proxy {
        &self.redeliver
    }

    /// Takes the writes of keys' items since the last call, in the order in which the embedded
    /// engine applied them. The first call starts the recording. `None` for an external engine.
    #[must_use]
    pub fn take_applied(&self) -> Option<Vec<Applied>> {
        self.engine.as_ref().map(|_| self.recorder.take())
    }

    /// A client that calls the engine directly.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// The configuration of a client that calls the engine directly.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        self.config.clone()
    }
}
