//! The functions: the use cases of the library `keysync`, with the clients that an instance keeps
//! between invocations.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use keysync::{
    api::ErrorResponse,
    delivery::{AddressPolicy, Notifier, Registry},
    dispatch::{Audited, Dispatcher},
    domain::{CorrelationId, EpochMillis, KeyName},
    http_client::HttpClient,
    iam::{Iam, IamSettings, UnverifiedToken},
    ledger::{Ledger, Notification, PauseCache},
    rate_limit::CallerRateLimiter,
    time_budget::TimeBudget,
    trace_context::TraceContext,
    usecases::{
        Admission, KeyRequest,
        lifecycle::{BatchProcessor, DeadLetterQueue, Lifecycle, Messages},
        redeliver::Redeliver,
        sync::Synchronizer,
    },
};
use keysync_dynamodb_emulator::TABLE;
use serde_json::json;

use crate::{
    invocation::Invocation,
    network,
    peers::{IAM_HOST, Peers, host},
    plan::{ACKNOWLEDGING, Caller, Function, SERVICES},
    rules,
    world::World,
};

/// The time limits of the deployed functions.
const CALLBACK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(25);

/// A signing key: a test vector of RFC 8032.
const SIGNING_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// The number of SDK configurations so far.
static CONFIGURATIONS: AtomicU64 = AtomicU64::new(0);

/// A client without connections, which all others share: building one takes milliseconds.
static HTTP: LazyLock<HttpClient> = LazyLock::new(HttpClient::new);

/// What an instance keeps between invocations.
#[derive(Clone, Debug)]
pub(crate) enum Clients {
    Sync(Arc<Synchronizer>),
    Lifecycle(Arc<BatchProcessor>),
    Redeliver(Arc<Redeliver>),
}

impl Clients {
    /// The clients of the instance that serves `by`, with empty caches if it is new.
    fn of(by: &Invocation) -> Self {
        let (function, instance) = (by.function, by.instance);
        let kept = by.world.state().instances[function as usize][instance].clients.clone();
        kept.unwrap_or_else(|| {
            let clients = Self::new(&by.world, function, instance);
            by.world.state().instances[function as usize][instance].clients = Some(clients.clone());
            clients
        })
    }

    fn new(world: &Arc<World>, function: Function, instance: usize) -> Self {
        let (aws, clock) = (sdk_config(), world.clock(function, instance));
        let http = || HTTP.clone().with_transport(Arc::new(Peers));
        let keys = SIGNING_KEY.parse().expect("a key");
        let notifier = Notifier::with_client(registry(), keys, http(), CALLBACK_TIMEOUT, clock.clone());
        let ledger = Ledger::new(&aws, TABLE.to_owned()).with_client(world.plan.client);
        let dispatcher = Dispatcher { ledger, notifier, pauses: PauseCache::new(BTreeSet::new()) };
        match function {
            Function::Sync => {
                let url = |path: &str| format!("https://{path}").parse().expect("a URL");
                let settings = IamSettings {
                    url: url(IAM_HOST),
                    issuer: "https://iam.cloud.ibm.com/identity".to_owned(),
                    service: "hs-crypto".to_owned(),
                    region: "us-south".to_owned(),
                };
                let iam = Iam::new(settings, http(), clock.clone());
                let admission = Admission { iam, callers: CallerRateLimiter::new(None) };
                Self::Sync(Arc::new(Synchronizer { admission, dispatcher, clock }))
            }
            Function::Lifecycle => {
                let queue = "https://sqs.example/000000000000/dead-letters".parse().expect("a URL");
                let dead_letters = DeadLetterQueue::new(&aws, &queue);
                let lifecycle = Lifecycle { dispatcher, clock, audit };
                Self::Lifecycle(Arc::new(BatchProcessor { lifecycle, dead_letters }))
            }
            Function::Redeliver => {
                let shards = world.plan.shards;
                Self::Redeliver(Arc::new(Redeliver { dispatcher, clock, audit, shards }))
            }
        }
    }
}

/// Serves a sync. Returns the status of the response; `None` without one.
pub(crate) async fn sync(by: &Arc<Invocation>, caller: Caller, key: usize) -> Option<u16> {
    let Clients::Sync(sync) = Clients::of(by) else { unreachable!("clients of another function") };
    let (_, correlation_id) = by.request.clone()?;
    let correlation_id: CorrelationId = correlation_id.parse().ok()?;
    let key = by.world.state().keys[key].crn.key;
    let instance = by.world.instance;
    by.clone()
        .run(async move {
            let token = UnverifiedToken::from_authorization(&format!("Bearer {}", caller.token()));
            let token = token.expect("a token");
            let request = KeyRequest { token, instance, key: KeyName::Id(key), ring: None, correlation_id };
            let report = sync.serve(&request, &TraceContext::from_xray(None), budget()).await;
            match report.and_then(|report| report.result) {
                Ok(_) => 204,
                Err(error) => ErrorResponse::from(&error).code.status().as_u16(),
            }
        })
        .await
}

/// Processes an event. Returns whether the queue can delete it; `None` without a response.
pub(crate) async fn lifecycle(by: &Arc<Invocation>, event: &str) -> Option<bool> {
    let Clients::Lifecycle(processor) = Clients::of(by) else { unreachable!("clients of another function") };
    let batch = json!({"Records": [{"messageId": "1", "body": event}]});
    let messages: Messages = serde_json::from_value(batch).expect("a batch");
    by.clone()
        .run(async move { processor.process(messages, None, budget()).await.batch_item_failures.is_empty() })
        .await
}

/// Runs `redeliver` once.
pub(crate) async fn redeliver(by: &Arc<Invocation>) {
    let to_lease = rules::to_lease(by);
    let Clients::Redeliver(redeliver) = Clients::of(by) else { unreachable!("clients of another function") };
    let run = async move { redeliver.run(&TraceContext::from_xray(None), budget()).await };
    if let Some(summary) = by.clone().run(run).await {
        let text = serde_json::to_string(&summary).unwrap_or_default();
        by.world.note(&format!("{by} ends: {text}"));
        rules::after_run(by, &to_lease);
    }
}

fn budget() -> TimeBudget {
    TimeBudget::new(None, REQUEST_TIMEOUT)
}

/// Records the audit event of a finding. No round has an operator's replay.
fn audit(notification: &Notification, audited: Audited<'_>, _: &TraceContext, _: EpochMillis) {
    let Audited::Finding(finding) = audited else { return };
    let event_id = finding.event_id(notification.key.crn.key).to_string();
    rules::finding(&Invocation::current(), &event_id, finding.kind.as_str());
}

fn registry() -> Registry {
    let services = SERVICES.iter().map(|name| {
        let settings =
            json!({"url": format!("https://{}/", host(name)), "acknowledges": ACKNOWLEDGING.contains(name)});
        ((*name).to_owned(), settings)
    });
    let services: serde_json::Map<_, _> = services.collect();
    Registry::from_json(&json!(services).to_string(), AddressPolicy::PublicOnly).expect("a registry")
}

/// The SDK configuration of one instance. The SDK keeps a budget of retries per region in a
/// process; each instance has a budget of its own, as in its own process.
fn sdk_config() -> SdkConfig {
    let region = format!("instance-{}", CONFIGURATIONS.fetch_add(1, Ordering::Relaxed));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url("https://dynamodb.example")
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "a",
            "b",
            None,
            None,
            "simulation",
        )))
        .http_client(network::http_client())
        .build()
}
