//! A harness shared by successive rounds. Each round creates its own keys.

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
    binaries::binaries,
    engine::on_the_engine_under_test,
    plan::{CALLERS, Kind, SERVICES, Target},
};

/// Callback timeout, short so that a service that hangs does not delay a round.
const CALLBACK_TIMEOUT: &str = "700ms";
/// Time at the start of the first round in process: 2021-09-29T20:38:42.500Z.
const START: EpochMillis = EpochMillis::new(1_632_947_922_500);

/// The harness and its callers.
pub(crate) struct World {
    pub(crate) harness: Harness,
    pub(crate) callers: Vec<Client>,
    kind: Kind,
    /// A client of the DynamoDB engine that bypasses the proxies.
    engine: aws_sdk_dynamodb::Client,
    /// Number of calls that each proxy has held since the start.
    pub(crate) held: [Arc<AtomicUsize>; 3],
    /// Number of callbacks taken from each service since the start.
    taken: [AtomicUsize; SERVICES],
}

impl World {
    pub(crate) async fn start(kind: Kind) -> Self {
        let builder = binaries().env("KEYSYNC_CALLBACK_TIMEOUT", CALLBACK_TIMEOUT);
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
        Self { harness, callers, kind, engine, held: Default::default(), taken: Default::default() }
    }

    pub(crate) fn manager(&self) -> &Client {
        &self.callers[0]
    }

    pub(crate) fn proxies(&self) -> [&Proxy; 3] {
        let dynamodb = self.harness.dynamodb();
        [Target::Sync, Target::Lifecycle, Target::Redeliver].map(|target| match target {
            Target::Sync => dynamodb.proxy(),
            Target::Lifecycle => dynamodb.lifecycle_proxy(),
            Target::Redeliver => dynamodb.redeliver_proxy(),
        })
    }

    /// Kills the processes of a function. Does nothing in process.
    pub(crate) async fn kill(&self, target: Target) {
        let processes = match target {
            Target::Sync => self.harness.sync_function().process(),
            Target::Lifecycle => self.harness.lifecycle_function().processes(),
            Target::Redeliver => self.harness.redeliver_function().processes(),
        };
        if let Some(processes) = processes {
            processes.kill().await;
        }
    }

    /// Removes all faults.
    pub(crate) fn clear_faults(&self) {
        for proxy in self.proxies() {
            proxy.clear_faults();
            proxy.release();
        }
        for service in self.harness.services() {
            service.behave(keysync_testkit::services::Behaviour::Act);
        }
    }

    /// Waits until no DynamoDB call is in flight.
    pub(crate) async fn wait_until_quiet(&self) {
        for proxy in self.proxies() {
            proxy.wait_until_quiet().await;
        }
    }

    /// Waits for a service's `nth` callback, counted from the last
    /// [`take_callbacks`](Self::take_callbacks).
    pub(crate) async fn wait_for_callback(&self, service: usize, nth: usize) {
        self.harness.services()[service].wait_for(self.taken[service].load(Ordering::Relaxed) + nth).await;
    }

    /// Takes the callbacks that arrived since the last call, by service.
    pub(crate) fn take_callbacks(&self) -> Vec<(&AssociatedService, Vec<Received>)> {
        let services = self.harness.services().iter().zip(&self.taken);
        services
            .map(|(service, taken)| {
                let received = service.take_received();
                taken.fetch_add(received.len(), Ordering::Relaxed);
                (service, received)
            })
            .collect()
    }

    /// Advances the clock. Returns by how much the table's times were moved back: zero in process,
    /// where the clock itself moves.
    pub(crate) async fn advance_clock(&self, by: Duration) -> Duration {
        self.harness.advance_clock(by).await.unwrap();
        if self.kind == Kind::Real { by } else { Duration::ZERO }
    }

    /// Reads a key's item, bypassing the proxies.
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

    /// Deletes a key's items. Advancing the clock rewrites every item, so the table must stay
    /// small.
    pub(crate) async fn delete_key(&self, key: &str) {
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

/// Logs in an additional caller with the Writer role.
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
