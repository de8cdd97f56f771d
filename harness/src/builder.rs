//! What a harness is made of, and how it is started: everything around the function, together.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use keysync::{config, ledger::Ledger, notify::SigningKey};
use keysync_receiver::Verifier;
use serde_json::json;

use crate::{
    Harness, HarnessError,
    clock::HarnessClock,
    control,
    dynamo::{Dynamo, Engine, Proxy, TABLE},
    endpoint::{Endpoint, Store},
    env_file,
    events::{DeadLetterQueue, EventBus, Queue},
    function::{self, FUNCTION_TIMEOUT, Function, Mode, ProcessConfig, Worker},
    schedule::Schedule,
    server::Server,
    services::{self, AssociatedService},
    travel::TimeMachine,
    world::{REGION, World},
};

/// What a [`Harness`] is made of.
#[derive(Clone, Debug)]
pub struct HarnessBuilder {
    engine: Engine,
    mode: Mode,
    port: u16,
    clock: HarnessClock,
    env: Vec<(String, String)>,
    env_file: Option<PathBuf>,
    function_timeout: Duration,
    redeliver_every: Option<Duration>,
    table: String,
    quiet: bool,
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            engine: Engine::Memory,
            mode: Mode::Process { environments: 1 },
            port: 0,
            clock: HarnessClock::running(),
            env: Vec::new(),
            env_file: None,
            function_timeout: FUNCTION_TIMEOUT,
            redeliver_every: None,
            table: TABLE.to_owned(),
            quiet: true,
        }
    }
}

impl HarnessBuilder {
    /// Where the table lives; in memory by default.
    #[must_use]
    pub fn engine(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// How the function runs; as the real binary by default.
    #[must_use]
    pub fn function(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The endpoint's port; any free one by default.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The clock of all that runs in this process. A function in a process of its own has the
    /// machine's, which nobody can set.
    #[must_use]
    pub fn clock(self, clock: HarnessClock) -> Self {
        Self { clock, ..self }
    }

    /// A setting of the function, such as `KEYSYNC_CALLBACK_TIMEOUT`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the function's environment to a file, for one that is started by somebody else.
    #[must_use]
    pub fn env_file(self, path: Option<PathBuf>) -> Self {
        Self { env_file: path, ..self }
    }

    /// How long Lambda lets the real binary run before it kills it; 30 s by default.
    #[must_use]
    pub fn function_timeout(self, timeout: Duration) -> Self {
        Self { function_timeout: timeout, ..self }
    }

    /// Runs `redeliver` on a schedule. Without one it runs when [`Harness::redeliver`] says so.
    #[must_use]
    pub fn redeliver_every(self, interval: Duration) -> Self {
        Self { redeliver_every: Some(interval), ..self }
    }

    /// The table's name, `keysync` by default. Harnesses that share an engine each need their own.
    #[must_use]
    pub fn table(self, name: &str) -> Self {
        Self { table: name.to_owned(), ..self }
    }

    /// Whether the function's log is kept for [`Harness::function`] only (the default), or goes to
    /// standard error, too.
    #[must_use]
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Starts everything. It is ready when this returns.
    pub async fn start(self) -> Result<Harness, HarnessError> {
        let dynamo = Dynamo::start(self.engine, &self.table).await?;
        let (client, table) = (dynamo.client(), self.table.as_str());
        let world = World::load(&client, table).await?;
        let iam = world.iam(self.clock.clock())?;
        let iam_server = Server::start(0, iam.router()).await?;

        let key: SigningKey = world.signing_key.parse().map_err(HarnessError::world)?;
        let verifier = Verifier::new([key.public()]).map_err(HarnessError::world)?;
        let services = [services::OBJECT_STORAGE, services::DATABASES].map(AssociatedService::new).to_vec();
        let service_server =
            Server::start(0, services::router(&services, verifier, self.clock.clock())).await?;
        let callbacks = callbacks(&service_server, &services);

        let dead_letters = DeadLetterQueue::start().await?;
        let mut env = environment(&world, &dynamo, table, &iam_server, &callbacks, &dead_letters);
        env.extend(self.env);
        if let Some(path) = &self.env_file {
            env_file::write(path, &env)?;
        }
        let (clock, timeout) = (self.clock.clock(), self.function_timeout);
        let function = Function::start(&self.mode, &env, clock.clone(), timeout, self.quiet).await?;
        let lifecycle_env = through(dynamo.lifecycle_proxy(), &env);
        let redeliver_env = through(dynamo.redeliver_proxy(), &env);
        let (lifecycle, redeliver) = if let Mode::Process { environments } = self.mode {
            let worker = async |name, env| {
                let (binary, quiet) = (function::binary(name).await?, self.quiet);
                Worker::process(ProcessConfig { name, binary, env, environments, timeout, quiet }).await
            };
            (
                worker(function::LIFECYCLE, lifecycle_env).await?,
                worker(function::REDELIVER, redeliver_env).await?,
            )
        } else {
            (
                Worker::lifecycle(&lifecycle_env, clock.clone()).await?,
                Worker::redeliver(&redeliver_env, clock.clone()).await?,
            )
        };
        let (queue, feeder) = Queue::start(lifecycle.handle());
        let schedule = self.redeliver_every.map(|interval| Schedule::start(redeliver.handle(), interval));

        let events = EventBus::new(queue, clock);
        let store = Store::new(client.clone(), table);
        let ledger = Ledger::new(&dynamo.sdk_config().await, self.table.clone());
        let (url, clock) = (function.url(), self.clock.clone());
        let endpoint = Endpoint::new(store, iam.clone(), ledger, events.clone(), url, clock)?;
        let time = match self.mode {
            Mode::InProcess => TimeMachine::Clock(self.clock.clone()),
            Mode::Process { .. } | Mode::Url(_) => TimeMachine::Past(client, self.table.clone()),
        };
        let control = control::router(time.clone(), services.clone(), redeliver.handle());
        let endpoint_server = Server::start(self.port, endpoint.router().merge(control)).await?;

        Ok(Harness {
            dynamo,
            iam,
            services,
            endpoint,
            function,
            lifecycle,
            redeliver,
            events,
            dead_letters,
            world,
            time,
            clock: self.clock,
            table: self.table,
            _feeder: feeder,
            _schedule: schedule,
            iam_server,
            service_server,
            endpoint_server,
        })
    }
}

/// The registry of `services` as the functions are configured with it.
fn callbacks(server: &Server, services: &[AssociatedService]) -> String {
    let url = |service: &AssociatedService| format!("{}/{}/callbacks", server.url(), service.name());
    let registry: BTreeMap<_, _> = services.iter().map(|service| (service.name(), url(service))).collect();
    json!(registry).to_string()
}

/// Where the AWS SDK looks for DynamoDB.
const DYNAMODB_URL: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// The same environment with another way to DynamoDB.
fn through(proxy: &Proxy, env: &[(String, String)]) -> Vec<(String, String)> {
    let mut env = env.to_vec();
    env.push((DYNAMODB_URL.to_owned(), proxy.url()));
    env
}

/// The function's environment: its configuration, and where DynamoDB is.
fn environment(
    world: &World,
    dynamo: &Dynamo,
    table: &str,
    iam: &Server,
    callbacks: &str,
    dead_letters: &DeadLetterQueue,
) -> Vec<(String, String)> {
    let settings = [
        (config::TABLE, table.to_owned()),
        (config::REGION, REGION.to_owned()),
        (config::IAM_URL, iam.url()),
        (config::CALLBACKS, callbacks.to_owned()),
        (config::SIGNING_KEY, world.signing_key.clone()),
        (config::DEAD_LETTER_QUEUE, dead_letters.url()),
        (config::LOOPBACK_TEST_MODE, "on".to_owned()),
        (DYNAMODB_URL, dynamo.proxy().url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "harness".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "harness".to_owned()),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).to_vec()
}
