//! The start of a harness: first the emulators, then the functions.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use httpmock::MockServer;
use jiff::Timestamp;
use keysync::{config, delivery::SigningKey, ledger::Ledger};
use keysync_browser_guard::Guard;
use keysync_console::{Addresses, Console};
use keysync_receiver::Verifier;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    Harness, HarnessBuilder, HarnessError,
    builder::Receiver,
    dynamodb::{Dynamo, Proxy},
    env_file,
    events::{DeadLetterQueue, EventBus, Queue},
    journal::{Journal, Part},
    lambda::{self, Function, Mode, Output, ProcessConfig, Worker, schedule::Schedule},
    parts::Parts,
    secrets::SecretsManager,
    services::{self, Acknowledger, AssociatedService},
    time::ClockControl,
    world::{REGION, World},
};
use keysync_emulator_support::{context::Context, server::Server};
use keysync_kms_emulator::{Endpoint, Store};

/// Settings of the AWS SDK in the functions' environment. They override a developer's AWS settings,
/// also in a function that is started separately with the file of [`HarnessBuilder::env_file`].
const AWS_SDK: [(&str, &str); 9] = [
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

pub(crate) async fn start(builder: HarnessBuilder) -> Result<Harness, HarnessError> {
    let guard = guard(&builder)?;
    let listener = Server::listen(builder.port).await?;
    let endpoint_url = format!("http://{}", listener.local_addr()?);
    let (clock, table) = (builder.clock.clock(), builder.table.clone());
    let context = Context::new(clock.clone(), guard.clone());
    let (journal, known_secrets) = (context.journal.clone(), context.secrets.clone());
    let dynamo = Dynamo::start(builder.engine.clone(), &table, &context).await?;
    let client = dynamo.client();
    let world = World::load(&client, &table).await?;
    let iam = world.iam(clock.clone(), known_secrets.clone())?;
    let iam_server = Server::start(journal.around(Part::Iam, iam.router()), &guard).await?;

    let key: SigningKey = world.signing_key.parse().map_err(HarnessError::world)?;
    let public_key = key.public();
    let verifier = Verifier::new([&public_key]).map_err(HarnessError::world)?;
    let services = emulated(&builder, &journal);
    let router = known_secrets.scan_callbacks(services::router(&services, verifier, clock.clone()));
    let service_server = Server::start(journal.around(Part::Services, router), &guard).await?;
    let mocks = mocks(&builder).await?;
    let callbacks = callbacks(&builder, &service_server, &mocks);

    let dead_letters = DeadLetterQueue::start(&context).await?;
    let secrets = SecretsManager::start(&world.signing_key, &context).await?;
    let mut env = environment(&world, &dynamo, &table, &iam_server, &callbacks, &dead_letters);
    env.push((lambda::SECRETS_URL.to_owned(), secrets.url()));
    if builder.env.iter().any(|(name, _)| name == config::SIGNING_KEY_SECRET) {
        // One source of the key, unless the test sets both.
        env.retain(|(name, _)| name != config::SIGNING_KEY);
    }
    if builder.acknowledging {
        let names: Vec<_> = services.iter().map(AssociatedService::name).collect();
        env.push((config::ACKNOWLEDGING_SERVICES.to_owned(), names.join(",")));
    }
    env.extend(builder.env.clone());
    if let Some(path) = &builder.env_file {
        env_file::write(path, &env)?;
    }
    for (_, value) in &env {
        known_secrets.add_signing_keys(value);
    }
    let output = Output { quiet: builder.quiet, context: context.clone() };
    let timeout = builder.function_timeout;
    let (mode, concurrency) = (&builder.mode, builder.concurrency);
    let api_guard = guard.clone().with_api_hosts();
    let function =
        Function::start(mode, concurrency, &env, clock.clone(), timeout, output.clone(), &api_guard).await?;
    let (lifecycle, redeliver) = workers(&builder, &dynamo, &env, &output).await?;
    let (queue, feeder) = Queue::start(lifecycle.handle(), &context);
    let schedule = builder.redeliver_every.map(|interval| Schedule::start(redeliver.handle(), interval));

    let events = EventBus::new(queue, clock);
    if builder.acknowledging {
        for service in &services {
            service.acknowledge_with(acknowledger(events.clone()));
        }
    }
    let store = Store::new(client.clone(), &table, known_secrets.clone());
    let ledger = Ledger::new(&dynamo.sdk_config(), table.clone());
    let (url, clock) = (function.url(), builder.clock.clone());
    let endpoint = Endpoint::new(store, iam.clone(), ledger, events.clone(), url, clock)?;
    let time = match builder.mode {
        Mode::InProcess => ClockControl::Clock(builder.clock.clone()),
        _ => ClockControl::StoredInstants(client, table.clone()),
    };
    let endpoint_router = journal.around(Part::Endpoint, endpoint.router());
    let console = console(&endpoint_url, &iam_server, &builder)?.with_guard(api_guard.clone());
    let samples = Mutex::new(world.root_key.clone().zip(world.standard_key.clone()));
    let parts = Arc::new(Parts {
        dynamo,
        iam,
        services,
        mocks,
        endpoint,
        endpoint_url,
        function,
        env,
        lifecycle,
        redeliver,
        events,
        dead_letters,
        secrets,
        journal,
        world,
        public_key,
        samples,
        known_secrets,
        manager: OnceLock::new(),
        time,
        clock: builder.clock,
        table,
        iam_server,
        service_server,
    });
    let router = endpoint_router.merge(console.router());
    // A weak reference, so that the parts end with the harness.
    #[cfg(feature = "control-api")]
    let router = router.merge(crate::control::router(Arc::downgrade(&parts)));
    let endpoint = Server::serve(listener, router, &api_guard)?;
    Ok(Harness { parts, _feeder: feeder, _schedule: schedule, _endpoint: endpoint })
}

/// The guard of every port.
fn guard(builder: &HarnessBuilder) -> Result<Guard, HarnessError> {
    let guard = builder.allowed_hosts.iter().map(|host| host.parse());
    Ok(guard.collect::<Result<Vec<_>, _>>()?.into_iter().fold(Guard::default(), Guard::allowing))
}

/// The console for this endpoint and IAM, with the harness's clock.
fn console(endpoint: &str, iam: &Server, builder: &HarnessBuilder) -> Result<Console, HarnessError> {
    let address = |url: &str| url.parse().map_err(HarnessError::world);
    let (endpoint, iam) = (address(endpoint)?, address(&iam.url())?);
    let addresses = Addresses { endpoint, iam: iam.clone(), resource_controller: iam };
    let clock = builder.clock.clock();
    let instant = |millis: u64| Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok();
    let now = move || instant(clock.now().get()).unwrap_or(Timestamp::MAX);
    Ok(Console::new(addresses)?.with_clock(now))
}

/// Starts `lifecycle` and `redeliver`, each with a separate proxy to DynamoDB.
async fn workers(
    builder: &HarnessBuilder,
    dynamo: &Dynamo,
    env: &[(String, String)],
    output: &Output,
) -> Result<(Worker, Worker), HarnessError> {
    let lifecycle_env = with_proxy(dynamo.lifecycle_proxy(), env);
    let redeliver_env = with_proxy(dynamo.redeliver_proxy(), env);
    if let Mode::Process { environments } = builder.mode {
        let lifecycle = worker(builder, environments, lambda::LIFECYCLE, lifecycle_env, output).await?;
        Ok((lifecycle, worker(builder, environments, lambda::REDELIVER, redeliver_env, output).await?))
    } else {
        let clock = builder.clock.clock();
        let lifecycle = Worker::lifecycle(&lifecycle_env, clock.clone()).await?;
        Ok((lifecycle, Worker::redeliver(&redeliver_env, clock).await?))
    }
}

async fn worker(
    builder: &HarnessBuilder,
    environments: usize,
    name: &'static str,
    env: Env,
    output: &Output,
) -> Result<Worker, HarnessError> {
    let (binary, timeout, output) = (lambda::binary(name).await?, builder.function_timeout, output.clone());
    let config = ProcessConfig {
        name,
        binary,
        wrapper: Vec::new(),
        env,
        environments,
        concurrency: 1,
        timeout,
        output,
    };
    Ok(Worker::process(config).await?)
}

fn emulated(builder: &HarnessBuilder, journal: &Journal) -> Vec<AssociatedService> {
    let emulated = builder.services.iter().filter(|(_, receiver)| *receiver == Receiver::Emulated);
    emulated.map(|(name, _)| AssociatedService::new(name, journal.clone())).collect()
}

/// Publishes each acknowledgement as the key-management service does. A notification of a real
/// function has a valid CRN.
fn acknowledger(events: EventBus) -> Acknowledger {
    Acknowledger::new(move |acknowledgement| {
        if let Ok(key) = acknowledgement.key_crn.parse() {
            drop(events.acknowledgement(
                &key,
                &acknowledgement.event_id,
                acknowledgement.key_state,
                None,
                acknowledgement.at,
            ));
        }
    })
}

async fn mocks(builder: &HarnessBuilder) -> Result<BTreeMap<String, MockServer>, HarnessError> {
    let mut mocks = BTreeMap::new();
    for (name, _) in builder.services.iter().filter(|(_, receiver)| *receiver == Receiver::Mock) {
        // Not `start_async`: its future is not `Send`, so a task could not start a harness.
        let mock = tokio::task::spawn_blocking(MockServer::start).await.map_err(std::io::Error::other)?;
        mocks.insert(name.clone(), mock);
    }
    Ok(mocks)
}

/// The callback registry of all services, as in the functions' configuration.
fn callbacks(builder: &HarnessBuilder, server: &Server, mocks: &BTreeMap<String, MockServer>) -> String {
    let url = |(name, receiver): &(String, Receiver)| match receiver {
        Receiver::Emulated => format!("{}/{name}/callbacks", server.url()),
        Receiver::Mock => mocks[name].url("/callbacks"),
        Receiver::At(url) => url.clone(),
    };
    let registry: BTreeMap<_, _> =
        builder.services.iter().map(|service| (&service.0, url(service))).collect();
    json!(registry).to_string()
}

/// The environment `env` with another DynamoDB proxy.
fn with_proxy(proxy: &Proxy, env: &[(String, String)]) -> Env {
    let mut env = env.to_vec();
    env.push((lambda::DYNAMODB_URL.to_owned(), proxy.url()));
    env
}

/// The function's environment: its configuration and the URL of DynamoDB.
fn environment(
    world: &World,
    dynamo: &Dynamo,
    table: &str,
    iam: &Server,
    callbacks: &str,
    dead_letters: &DeadLetterQueue,
) -> Env {
    let settings = [
        (config::TABLE, table.to_owned()),
        (config::REGION, REGION.to_owned()),
        (config::IAM_URL, iam.url()),
        (config::CALLBACKS, callbacks.to_owned()),
        (config::SIGNING_KEY, world.signing_key.clone()),
        (config::DEAD_LETTER_QUEUE, dead_letters.url()),
        (config::LOOPBACK_TEST_MODE, "on".to_owned()),
        (lambda::DYNAMODB_URL, dynamo.proxy().url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "harness".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "harness".to_owned()),
    ];
    let pinned = AWS_SDK.map(|(name, value)| (name, value.to_owned()));
    settings.into_iter().chain(pinned).map(|(name, value)| (name.to_owned(), value)).collect()
}
