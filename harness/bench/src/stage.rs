//! What stands around the function while it is measured: the engine, IAM, and a service that takes every callback.
//!
//! None of it counts or disturbs anything on the way, but for the receiver's counter: the function talks to the
//! engine itself. Only where calls are counted does it go through the proxy.

use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use http::{Request, header};
use keysync::{Clock, config::CALLER_LIMIT, domain::InstanceId};
use keysync_browser_guard::Guard;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BenchError, binaries::Binaries, keys::Table};
use keysync_dynamodb_emulator::{Dynamo, Engine, TABLE};
use keysync_emulator_support::{context::Context, journal::Part, server::Server};
use keysync_iam_emulator::Role;
use keysync_lambda_emulator::{
    DYNAMODB_URL, Mode, Output, ProcessConfig, ProcessFunction, function_url_event,
};
use keysync_testkit::{Harness, HarnessError};

/// The most services that a key has here.
pub(super) const MAX_SERVICES: usize = 64;

/// Everything around the function.
pub(super) struct Stage {
    engine: Dynamo,
    harness: Harness,
    receiver: Receiver,
    pub(super) binaries: Binaries,
}

impl Stage {
    pub(super) async fn set() -> Result<Self, BenchError> {
        let binaries = Binaries::find().await?;
        let engine = Dynamo::start(Engine::Memory, TABLE, &context()).await.map_err(HarnessError::from)?;
        let receiver = Receiver::start().await?;
        let mut builder = Harness::builder()
            .engine(Engine::Url(engine.url().to_owned()))
            .mode(Mode::InProcess)
            .env(CALLER_LIMIT, "off"); // one caller asks for it all
        for name in services() {
            builder = builder.service_at(&name, &receiver.url());
        }
        Ok(Self { harness: builder.start().await?, engine, receiver, binaries })
    }

    /// The function in one environment that takes `concurrency` events at once, straight to the engine.
    pub(super) async fn sync(&self, concurrency: usize) -> Result<ProcessFunction, BenchError> {
        let mut config = self.config(&self.binaries.sync);
        config.concurrency = concurrency;
        config.env.push((DYNAMODB_URL.to_owned(), self.engine.url().to_owned()));
        start(config).await
    }

    /// The function under a command that runs it.
    pub(super) async fn sync_under(&self, command: &[&str]) -> Result<ProcessFunction, BenchError> {
        let mut config = self.config(&self.binaries.sync);
        config.under = command.iter().map(|&part| part.to_owned()).collect();
        start(config).await
    }

    /// The function with its calls to DynamoDB counted.
    pub(super) async fn counted_sync(&self) -> Result<ProcessFunction, BenchError> {
        start(self.config(&self.binaries.sync)).await
    }

    /// The function that does nothing.
    pub(super) async fn hello(&self, concurrency: usize) -> Result<ProcessFunction, BenchError> {
        start(ProcessConfig { concurrency, ..self.config(&self.binaries.hello) }).await
    }

    fn config(&self, binary: &Path) -> ProcessConfig {
        ProcessConfig {
            name: "sync",
            binary: binary.to_owned(),
            under: Vec::new(),
            env: self.harness.environment().to_vec(),
            environments: 1,
            concurrency: 1,
            timeout: Duration::from_mins(1),
            output: Output { quiet: true, context: context() },
        }
    }

    /// How long a process takes from its start to its first poll.
    pub(super) async fn start_of(&self, binary: &Path) -> Result<Duration, BenchError> {
        let since = Instant::now();
        let process = start(self.config(binary)).await?;
        let took = since.elapsed();
        process.kill().await;
        Ok(took)
    }

    /// The table.
    pub(super) fn table(&self) -> Table {
        Table {
            client: self.engine.client(),
            name: TABLE.to_owned(),
            account: self.harness.account().to_owned(),
            instance: self.harness.instance(),
        }
    }

    /// Host and port of the engine.
    pub(super) fn engine(&self) -> String {
        self.engine.url().trim_start_matches("http://").to_owned()
    }

    /// The proxy that counts.
    pub(super) fn proxy(&self) -> &keysync_dynamodb_emulator::Proxy {
        self.harness.dynamodb().proxy()
    }

    /// Where callbacks arrive.
    pub(super) fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Requests to IAM's decision point since the start.
    pub(super) fn decisions(&self) -> usize {
        let exchanges = self.harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.to == Part::Iam && exchange.path == "/v2/authz").count()
    }

    /// A token of somebody new who may synchronize everything.
    pub(super) async fn token(&self) -> Result<String, BenchError> {
        Ok(self.harness.log_in_as(Role::Manager).await?.token())
    }

    /// The event for a sync of `key`, an id or an alias.
    pub(super) fn event(&self, key: &str, token: &str) -> Value {
        event(self.harness.instance(), key, token)
    }
}

fn context() -> Context {
    Context::new(Clock::system(), Guard::default())
}

async fn start(config: ProcessConfig) -> Result<ProcessFunction, BenchError> {
    Ok(ProcessFunction::start(config).await.map_err(HarnessError::from)?)
}

/// The services that a key may have: CRN service names.
pub(super) fn services() -> Vec<String> {
    (0..MAX_SERVICES).map(|n| format!("service-{n:02}")).collect()
}

fn event(instance: InstanceId, key: &str, token: &str) -> Value {
    let request = Request::post(format!("/api/v2/keys/{key}/actions/sync"))
        .header(header::HOST, "keysync.example.com")
        .header(header::USER_AGENT, "harness-bench")
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("bluemix-instance", instance.to_string())
        .body(());
    request.map_or_else(|_| json!(null), |request| function_url_event(&request.into_parts().0, b""))
}

/// The status of the answer to an event.
pub(super) fn status(answer: &[u8]) -> Option<u16> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        status_code: u16,
    }
    serde_json::from_slice(answer).ok().map(|Answer { status_code }| status_code)
}

/// A service that takes every callback: 204, nothing looked at.
#[derive(Debug)]
pub(super) struct Receiver {
    server: Server,
    arrived: Arc<Arrived>,
}

#[derive(Debug, Default)]
struct Arrived {
    count: AtomicU64,
    first: OnceLock<Bytes>,
}

impl Receiver {
    async fn start() -> Result<Self, BenchError> {
        let arrived = Arc::<Arrived>::default();
        let router = Router::new().fallback(take).with_state(arrived.clone());
        Ok(Self {
            server: Server::start(router, &Guard::default()).await.map_err(HarnessError::from)?,
            arrived,
        })
    }

    fn url(&self) -> String {
        format!("{}/callbacks", self.server.url())
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    /// How many callbacks have come.
    pub(super) fn count(&self) -> u64 {
        self.arrived.count.load(Ordering::Relaxed)
    }

    /// The body of the first.
    pub(super) fn first(&self) -> String {
        let first = self.arrived.first.get();
        first.map_or_else(String::new, |body| String::from_utf8_lossy(body).into_owned())
    }
}

async fn take(State(arrived): State<Arc<Arrived>>, body: Bytes) -> StatusCode {
    arrived.count.fetch_add(1, Ordering::Relaxed);
    arrived.first.get_or_init(|| body);
    StatusCode::NO_CONTENT
}
