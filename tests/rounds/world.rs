//! A harness that many rounds use one after the other, each with keys of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::domain::EpochMillis;
use keysync_testkit::{
    Client, Harness, HarnessClock,
    dynamodb::Proxy,
    iam::{Identity, Role},
    lambda::Mode,
    services::{AssociatedService, Received},
};
use serde_json::Value;

use crate::{
    engine::on_the_engine_under_test,
    plan::{CALLERS, Kind, SERVICES, Whom},
};

/// How long a service has to answer, so that one that hangs does not hold up a round.
const CALLBACK_TIMEOUT: &str = "700ms";
/// Where the clock stands when the first round in process begins: 2021-09-29T20:38:42.500Z
const START: EpochMillis = EpochMillis::new(1_632_947_922_500);

/// The harness, and those who call it.
pub(crate) struct World {
    pub(crate) harness: Harness,
    pub(crate) callers: Vec<Client>,
    kind: Kind,
    /// The engine itself, past all proxies.
    engine: aws_sdk_dynamodb::Client,
    /// Calls that each proxy was told to hold since the start.
    pub(crate) held: [Arc<AtomicUsize>; 3],
    /// Callbacks that were taken from each service since the start.
    arrived: [AtomicUsize; SERVICES],
}

impl World {
    pub(crate) async fn start(kind: Kind) -> Self {
        let builder = Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", CALLBACK_TIMEOUT);
        let builder = match kind {
            Kind::InProcess => builder.mode(Mode::InProcess).clock(HarnessClock::set_to(START)),
            Kind::Real => builder.mode(Mode::Process { environments: 2 }),
        };
        let harness = on_the_engine_under_test(builder).start().await.unwrap();
        let mut callers = vec![Client::log_in(&harness, harness.api_key()).await.unwrap()];
        for n in 1..CALLERS {
            callers.push(writer(&harness, n).await);
        }
        let engine = harness.dynamodb().client();
        Self { harness, callers, kind, engine, held: Default::default(), arrived: Default::default() }
    }

    pub(crate) fn manager(&self) -> &Client {
        &self.callers[0]
    }

    pub(crate) fn proxies(&self) -> [&Proxy; 3] {
        let dynamo = self.harness.dynamodb();
        [Whom::Sync, Whom::Lifecycle, Whom::Redeliver].map(|whom| match whom {
            Whom::Sync => dynamo.proxy(),
            Whom::Lifecycle => dynamo.lifecycle_proxy(),
            Whom::Redeliver => dynamo.redeliver_proxy(),
        })
    }

    /// Kills the processes of a function, where it has any.
    pub(crate) async fn kill(&self, whom: Whom) {
        let processes = match whom {
            Whom::Sync => self.harness.sync_function().process(),
            Whom::Lifecycle => self.harness.lifecycle_function().processes(),
            Whom::Redeliver => self.harness.redeliver_function().processes(),
        };
        if let Some(processes) = processes {
            processes.kill().await;
        }
    }

    /// No fault from now on.
    pub(crate) fn clear_faults(&self) {
        for proxy in self.proxies() {
            proxy.clear_faults();
            proxy.release();
        }
        for service in self.harness.services() {
            service.behave(keysync_testkit::services::Behaviour::Act);
        }
    }

    /// Waits until no call to DynamoDB is on its way any more.
    pub(crate) async fn wait_until_quiet(&self) {
        for proxy in self.proxies() {
            proxy.wait_until_quiet().await;
        }
    }

    /// Waits for a service's `nth` callback from now on.
    pub(crate) async fn wait_for_callback(&self, service: usize, nth: usize) {
        self.harness.services()[service].wait_for(self.arrived[service].load(Ordering::Relaxed) + nth).await;
    }

    /// The callbacks since the last time, service by service.
    pub(crate) fn take_callbacks(&self) -> Vec<(&AssociatedService, Vec<Received>)> {
        let services = self.harness.services().iter().zip(&self.arrived);
        services
            .map(|(service, arrived)| {
                let received = service.take_received();
                arrived.fetch_add(received.len(), Ordering::Relaxed);
                (service, received)
            })
            .collect()
    }

    /// Makes it later. Returns by how much the past was moved: nothing where it is the clock that was.
    pub(crate) async fn advance_clock(&self, by: Duration) -> Duration {
        self.harness.advance_clock(by).await.unwrap();
        if self.kind == Kind::Real { by } else { Duration::ZERO }
    }

    /// A key's item, past all proxies.
    pub(crate) async fn item(&self, key: &str) -> Value {
        let found = self
            .engine
            .get_item()
            .table_name(self.harness.table())
            .set_key(Some(primary_key(&self.pk(key), "key")))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        serde_dynamo::from_item(found.item.unwrap()).unwrap()
    }

    /// Forgets a key, so that the table stays small: the past of all that is in it is moved with each travel.
    pub(crate) async fn forget(&self, key: &str) {
        let found = self
            .engine
            .query()
            .table_name(self.harness.table())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(self.pk(key)))
            .send()
            .await
            .unwrap();
        for item in found.items() {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
            let key = Some(HashMap::from(key));
            self.engine.delete_item().table_name(self.harness.table()).set_key(key).send().await.unwrap();
        }
    }

    fn pk(&self, key: &str) -> String {
        format!("{}#{key}", self.harness.instance())
    }
}

/// Another caller who may synchronize.
async fn writer(harness: &Harness, n: usize) -> Client {
    let (iam_id, api_key) = (format!("IBMid-writer-{n}"), format!("the-api-key-of-writer-{n}"));
    harness.iam().grant(&iam_id, harness.instance(), Role::Writer);
    let account = harness.account().to_owned();
    harness.iam().add_identity(Identity { iam_id, account, api_key: api_key.clone() });
    Client::log_in(harness, &api_key).await.unwrap()
}

fn primary_key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    [("pk", pk), ("sk", sk)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into()
}
