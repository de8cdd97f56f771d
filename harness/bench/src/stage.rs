//! Environment of the measured function: the engine, IAM, and a service that accepts every
//! callback.
//!
//! The function calls the engine directly, and the receiver only counts. Calls go through the proxy
//! only when they are counted.

use std::{
    ffi::OsString,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use http::{Request, header};
use keysync::{config::CALLER_LIMIT, domain::InstanceId};
use keysync_browser_guard::Guard;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BenchError, binaries::Binaries, floor::Plan, keys::Table};
use keysync_dynamodb_emulator::{Dynamo, Engine, TABLE};
use keysync_emulator_support::{clock::HarnessClock, context::Context, journal::Part, server::Server};
use keysync_iam_emulator::Role;
use keysync_lambda_emulator::{
    DYNAMODB_URL, Mode, Output, ProcessConfig, ProcessFunction, function_url_event,
};
use keysync_testkit::{Harness, HarnessError};

/// Number of services of a deployment: Object Storage and Databases.
pub(super) const SERVICES: usize = 2;
/// Maximum number of services of a benchmark key.
pub(super) const MAX_SERVICES: usize = 64;

/// Environment of the measured function.
pub(super) struct Stage {
    engine: Dynamo,
    harness: Harness,
    receiver: Receiver,
    pub(super) binaries: Binaries,
}

impl Stage {
    /// Starts the environment with this number of services.
    pub(super) async fn start(count: usize) -> Result<Self, BenchError> {
        let binaries = Binaries::find().await?;
        let engine = Dynamo::start(Engine::Memory, TABLE, &context()).await.map_err(HarnessError::from)?;
        let receiver = Receiver::start().await?;
        let mut builder = Harness::builder()
            .engine(Engine::Url(engine.url().to_owned()))
            .mode(Mode::InProcess)
            .env(CALLER_LIMIT, "off"); // all requests come from one caller
        for name in &services()[..count] {
            builder = builder.service_at(name, &receiver.url());
        }
        Ok(Self { harness: builder.start().await?, engine, receiver, binaries })
    }

    /// The function with one environment for `concurrency` concurrent events, connected directly to
    /// the engine.
    pub(super) async fn sync(&self, concurrency: usize) -> Result<ProcessFunction, BenchError> {
        self.sync_with(self.engine.url(), concurrency).await
    }

    /// The same, connected to another engine.
    pub(super) async fn sync_with(
        &self,
        engine: &str,
        concurrency: usize,
    ) -> Result<ProcessFunction, BenchError> {
        let mut config = self.config(&self.binaries.sync);
        config.concurrency = concurrency;
        config.env.push((DYNAMODB_URL.to_owned(), engine.to_owned()));
        start(config).await
    }

    /// A function, started by a command such as valgrind.
    pub(super) async fn under(&self, command: &[&str], binary: &Path) -> Result<ProcessFunction, BenchError> {
        let mut config = self.config(binary);
        config.command.splice(0..0, command.iter().map(OsString::from));
        start(config).await
    }

    /// The function, connected through the proxy that counts calls.
    pub(super) async fn counted_sync(&self) -> Result<ProcessFunction, BenchError> {
        start(self.config(&self.binaries.sync)).await
    }

    /// The function that does nothing.
    pub(super) async fn hello(&self, concurrency: usize) -> Result<ProcessFunction, BenchError> {
        start(ProcessConfig { concurrency, ..self.config(&self.binaries.hello) }).await
    }

    /// The wire floor, which calls the engine directly.
    pub(super) async fn floor(&self, plan: &Plan, concurrency: usize) -> Result<ProcessFunction, BenchError> {
        let (command, setting) = plan.command()?;
        let config = self.config(&self.binaries.sync);
        start(ProcessConfig { command, env: vec![setting], concurrency, ..config }).await
    }

    /// A function in another language, connected directly to the engine.
    pub(super) async fn peer(
        &self,
        command: Vec<OsString>,
        env: Vec<(String, String)>,
    ) -> Result<ProcessFunction, BenchError> {
        let mut config = ProcessConfig { command, ..self.config(&self.binaries.sync) };
        // Other SDKs look for the profile in the files even if there are credentials.
        config.env.retain(|(name, _)| name != "AWS_PROFILE");
        let path = std::env::var("PATH").unwrap_or_default();
        let region = "us-east-1".to_owned();
        config.env.extend([
            ("PATH".to_owned(), path),
            ("AWS_DEFAULT_REGION".to_owned(), region),
            (DYNAMODB_URL.to_owned(), self.engine.url().to_owned()),
        ]);
        config.env.extend(env);
        start(config).await
    }

    fn config(&self, binary: &Path) -> ProcessConfig {
        let environment = self.harness.environment();
        ProcessConfig {
            name: "sync",
            command: vec![binary.into()],
            env: environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            environments: 1,
            concurrency: 1,
            timeout: Duration::from_mins(1),
            output: Output { quiet: true, context: context() },
        }
    }

    /// Duration from the start of a process to its first poll.
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

    pub(super) fn engine_url(&self) -> &str {
        self.engine.url()
    }

    /// Host and port of the engine.
    pub(super) fn engine(&self) -> String {
        self.engine.url().trim_start_matches("http://").to_owned()
    }

    /// The proxy that counts calls.
    pub(super) fn proxy(&self) -> &keysync_dynamodb_emulator::Proxy {
        self.harness.dynamodb().proxy()
    }

    /// The receiver of callbacks.
    pub(super) fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Number of requests to IAM's decision endpoint since the start.
    pub(super) fn decisions(&self) -> usize {
        let exchanges = self.harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.to == Part::Iam && exchange.path == "/v2/authz").count()
    }

    /// An access token of a new identity with the role Manager.
    pub(super) async fn token(&self) -> Result<String, BenchError> {
        Ok(self.harness.log_in_as(Role::Manager).await?.token())
    }

    /// The event for a sync of `key`, an id or an alias.
    pub(super) fn event(&self, key: &str, token: &str) -> Value {
        event(self.harness.instance(), key, token)
    }
}

fn context() -> Context {
    Context::new(HarnessClock::running(), Guard::default())
}

async fn start(config: ProcessConfig) -> Result<ProcessFunction, BenchError> {
    Ok(ProcessFunction::start(config).await.map_err(HarnessError::from)?)
}

/// CRN service names of the benchmark services.
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

/// The status in the response to an event.
pub(super) fn status(response: &[u8]) -> Option<u16> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Response {
        status_code: u16,
    }
    serde_json::from_slice(response).ok().map(|Response { status_code }| status_code)
}

/// A service that responds to every callback with 204, without verification.
#[derive(Debug)]
pub(super) struct Receiver {
    server: Server,
    callbacks: Arc<Callbacks>,
}

#[derive(Debug, Default)]
struct Callbacks {
    count: AtomicU64,
    first: OnceLock<Bytes>,
}

impl Receiver {
    async fn start() -> Result<Self, BenchError> {
        let callbacks = Arc::<Callbacks>::default();
        let router = Router::new().fallback(accept).with_state(callbacks.clone());
        Ok(Self {
            server: Server::start(router, &Guard::default()).await.map_err(HarnessError::from)?,
            callbacks,
        })
    }

    fn url(&self) -> String {
        format!("{}/callbacks", self.server.url())
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    /// Number of callbacks received.
    pub(super) fn count(&self) -> u64 {
        self.callbacks.count.load(Ordering::Relaxed)
    }

    /// Body of the first callback.
    pub(super) fn first(&self) -> String {
        let first = self.callbacks.first.get();
        first.map_or_else(String::new, |body| String::from_utf8_lossy(body).into_owned())
    }
}

async fn accept(State(callbacks): State<Arc<Callbacks>>, body: Bytes) -> StatusCode {
    callbacks.count.fetch_add(1, Ordering::Relaxed);
    callbacks.first.get_or_init(|| body);
    StatusCode::NO_CONTENT
}
