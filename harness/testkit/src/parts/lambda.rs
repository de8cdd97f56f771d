//! The three functions, and what invokes them: queue, event source mapping and schedule.

use std::{
    io::{self, Write},
    time::Duration,
};

use keysync::{Clock, config, domain::EpochMillis};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::signing::SigningKeys;
use crate::{
    HarnessBuilder, HarnessError, RedeliverSummary,
    dynamodb::{Dynamo, Proxy},
    env_file,
    events::{DeadLetterQueue, EventBus, Feeder, Queue},
    lambda::{
        self, Function, InvocationFailed, Mode, Output, ProcessConfig, ProcessFunction, Worker,
        schedule::{self, Schedule},
    },
    secrets::{self, SecretsManager},
    time::{ClockControl, Moves},
    world::{REGION, World},
};
use keysync_emulator_support::context::Context;

/// Settings of the AWS SDK in the functions' environment. They override a developer's AWS settings,
/// also in a function that is started separately with the file of [`HarnessBuilder::env_file`].
const AWS_SDK: [(&str, &str); 12] = [
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "harness"),
    ("AWS_SECRET_ACCESS_KEY", "harness"),
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ("AWS_PROFILE", "default"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"),
    ("AWS_USE_FIPS_ENDPOINT", "false"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
    ("AWS_MAX_ATTEMPTS", "3"),
    ("AWS_RETRY_MODE", "standard"),
];

/// The environment of a function.
type Env = Vec<(String, String)>;

/// The functions and their event sources. Dropping it ends their processes.
pub(crate) struct LambdaStack {
    pub(crate) sync: Function,
    pub(crate) lifecycle: Worker,
    pub(crate) redeliver: Worker,
    /// The environment that `sync` was started with.
    pub(crate) env: Env,
    pub(crate) events: EventBus,
    pub(crate) dead_letters: DeadLetterQueue,
    pub(crate) secrets: SecretsManager,
    pub(crate) signing_keys: tokio::sync::Mutex<SigningKeys>,
    clock: ClockControl,
    /// Whether the functions' log is printed.
    prints_log: bool,
    _event_source: Feeder,
    /// The interval at the start.
    redeliver_every: Option<Duration>,
    schedule: Mutex<Option<(Duration, Schedule)>>,
}

impl LambdaStack {
    /// Starts the functions. `settings` are their settings for the other parts, by name.
    pub(crate) async fn start(
        builder: &HarnessBuilder,
        settings: &[(&str, String)],
        world: &World,
        dynamo: &Dynamo,
        context: &Context,
    ) -> Result<Self, HarnessError> {
        let dead_letters = DeadLetterQueue::start(context).await?;
        let secrets = SecretsManager::start(&world.signing_key, &builder.symmetric_secrets, context).await?;
        let own = [
            (config::TABLE, dynamo.table().to_owned()),
            (config::REGION, REGION.to_owned()),
            (config::SIGNING_KEY, world.signing_key.clone()),
            (config::SERVICE_SECRETS, secrets::SERVICE_SECRETS.to_owned()),
            (config::DEAD_LETTER_QUEUE, dead_letters.url()),
            (config::LOOPBACK_TEST_MODE, "on".to_owned()),
            (lambda::DYNAMODB_URL, dynamo.proxy().url()),
            (lambda::SECRETS_URL, secrets.url()),
        ];
        let env = environment(builder, own.iter().chain(settings));
        if let Some(path) = &builder.env_file {
            env_file::write(path, &env)?;
        }
        for (_, value) in &env {
            context.secrets.add_signing_keys(value);
        }

        let sync = sync(builder, &env, context).await?;
        let lifecycle = worker(builder, lambda::LIFECYCLE, dynamo.lifecycle_proxy(), &env, context).await?;
        let redeliver = worker(builder, lambda::REDELIVER, dynamo.redeliver_proxy(), &env, context).await?;

        let (queue, event_source) = Queue::start(lifecycle.handle(), context);
        dead_letters.connect_event_queue(queue.clone());
        let events = EventBus::new(queue, context.clock.clock());
        let clock = if builder.mode == Mode::InProcess {
            ClockControl::Clock(context.clock.clone())
        } else {
            let moves = Moves::new(context.clock.clone());
            ClockControl::StoredInstants(dynamo.client(), dynamo.table().to_owned(), moves)
        };
        let stack = Self {
            sync,
            lifecycle,
            redeliver,
            env,
            events,
            dead_letters,
            secrets,
            signing_keys: tokio::sync::Mutex::new(SigningKeys::of(&world.signing_key)),
            clock,
            prints_log: !builder.quiet,
            _event_source: event_source,
            redeliver_every: builder.redeliver_every,
            schedule: Mutex::default(),
        };
        stack.redeliver_every(builder.redeliver_every);
        Ok(stack)
    }

    /// Runs `redeliver` at this interval from now on; `None` ends its schedule.
    pub(crate) fn redeliver_every(&self, interval: Option<Duration>) {
        let start = |interval| (interval, Schedule::start(self.redeliver.handle(), interval));
        *self.schedule.lock() = interval.map(start);
    }

    /// The interval at which `redeliver` runs now.
    pub(crate) fn redeliver_interval(&self) -> Option<Duration> {
        self.schedule.lock().as_ref().map(|(interval, _)| *interval)
    }

    /// The functions that run in separate processes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &ProcessFunction> {
        [self.sync.process(), self.lifecycle.processes(), self.redeliver.processes()].into_iter().flatten()
    }

    pub(crate) async fn redeliver(&self) -> Result<RedeliverSummary, InvocationFailed> {
        let summary: Value = self.redeliver.invoke(&schedule::event()).await?;
        serde_json::from_value(summary)
            .map_err(|error| InvocationFailed(format!("unexpected result of `redeliver`: {error}")))
    }

    /// Advances the clock, and says so in the printed log, whose times are the machine's:
    /// `keysyncctl check-log` needs it.
    pub(crate) async fn advance_clock(&self, by: Duration) -> Result<(), HarnessError> {
        self.clock.advance_clock(by).await?;
        if self.prints_log {
            let line = json!({
                "timestamp": Clock::system().now().to_string(), "level": "INFO",
                "message": "the harness advanced the clock", "advanced_ms": u64::try_from(by.as_millis()).unwrap_or(u64::MAX),
            });
            // A closed standard error must not fail the harness.
            let _ = writeln!(io::stderr(), "{line}");
        }
        Ok(())
    }

    /// The time from one instant of the journal to another, by the clock of the functions.
    pub(crate) fn time_between(&self, from: EpochMillis, to: EpochMillis) -> Duration {
        self.clock.between(from, to)
    }

    pub(crate) fn reset(&self) {
        self.dead_letters.clear();
        self.secrets.reset();
        self.redeliver_every(self.redeliver_every);
    }
}

/// The environment of `sync`: these settings, those of the AWS SDK, the client of DynamoDB that
/// this process's environment selects for all of its tests, and the builder's settings.
fn environment<'a>(builder: &HarnessBuilder, settings: impl Iterator<Item = &'a (&'a str, String)>) -> Env {
    // One source of the signing key, unless the test sets both.
    let is_in_secret = builder.env.iter().any(|(name, _)| name == config::SIGNING_KEY_SECRET);
    let settings = settings.filter(|(name, _)| !is_in_secret || *name != config::SIGNING_KEY);
    let settings = settings.map(|(name, value)| ((*name).to_owned(), value.clone()));
    let sdk = AWS_SDK.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let client = config::environment(config::DYNAMODB_CLIENT);
    let client = client.map(|client| (config::DYNAMODB_CLIENT.to_owned(), client));
    settings.chain(sdk).chain(client).chain(builder.env.clone()).collect()
}

async fn sync(builder: &HarnessBuilder, env: &Env, context: &Context) -> Result<Function, HarnessError> {
    let HarnessBuilder { mode, concurrency, function_timeout, .. } = builder;
    let (clock, guard) = (context.clock.clock(), context.guard.clone().with_api_hosts());
    let output = output(builder, context);
    Ok(Function::start(mode, *concurrency, env, clock, *function_timeout, output, &guard).await?)
}

/// Starts `lifecycle` or `redeliver`, with a separate proxy to DynamoDB.
async fn worker(
    builder: &HarnessBuilder,
    name: &'static str,
    proxy: &Proxy,
    env: &Env,
    context: &Context,
) -> Result<Worker, HarnessError> {
    let mut env = env.clone();
    env.push((lambda::DYNAMODB_URL.to_owned(), proxy.url()));
    let Mode::Process { environments } = builder.mode else {
        let clock = context.clock.clock();
        return Ok(match name {
            lambda::LIFECYCLE => Worker::lifecycle(&env, clock).await?,
            _ => Worker::redeliver(&env, clock).await?,
        });
    };
    let config = ProcessConfig {
        name,
        command: lambda::command(name)?,
        env,
        environments,
        concurrency: 1,
        timeout: builder.function_timeout,
        output: output(builder, context),
    };
    Ok(Worker::process(config).await?)
}

fn output(builder: &HarnessBuilder, context: &Context) -> Output {
    Output { quiet: builder.quiet, context: context.clone() }
}
