//! What most tests start with: a harness, a manager, a root key that two services are associated with.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::{
    key::{ClaimId, EpochMillis, KeyCrn, KeyId},
    ledger::item,
};
use keysync_testkit::{
    Client, Harness, HarnessBuilder, HarnessClock, Response,
    lambda::{Mode, ProcessFunction},
    services::AssociatedService,
};
use serde_json::{Value, json};

use crate::engine::on_the_engine_under_test;

/// A harness with a manager and a root key.
pub(crate) struct World {
    pub(crate) harness: Harness,
    pub(crate) manager: Client,
    /// The id of a root key that protects a bucket and a database and was never notified about.
    pub(crate) key: String,
}

/// The real function in one process.
pub(crate) async fn world() -> World {
    world_of(Harness::builder()).await
}

/// The function in this process, on a clock that stands still until the test moves it.
pub(crate) async fn world_at(now: EpochMillis) -> World {
    world_of(Harness::builder().mode(Mode::InProcess).clock(HarnessClock::set_to(now))).await
}

pub(crate) async fn world_of(builder: HarnessBuilder) -> World {
    let harness = on_the_engine_under_test(builder).start().await.unwrap();
    let (key, _) = harness.sample_keys().await.unwrap();
    let manager = Client::log_in(&harness, harness.api_key()).await.unwrap();
    World { harness, manager, key }
}

impl World {
    /// Synchronizes the key.
    pub(crate) async fn sync(&self) -> Response {
        self.manager.sync(&self.key).await.unwrap()
    }

    /// Makes a key without registrations.
    pub(crate) async fn another_key(&self) -> String {
        self.manager.create_key("another", false).await.unwrap()
    }

    /// Takes a lifecycle action by its path below the key, such as `actions/rotate`.
    pub(crate) async fn take(&self, action: &str) -> Response {
        self.manager.post(&format!("/api/v2/keys/{}/{action}", self.key)).await.unwrap()
    }

    /// The CRN of a key in the harness's instance.
    pub(crate) fn crn(&self, key: &str) -> KeyCrn {
        let (account, instance) = (self.harness.account(), self.harness.instance());
        let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}");
        crn.parse().unwrap()
    }

    /// The key's item.
    pub(crate) async fn item(&self) -> Value {
        self.item_of(&self.key).await
    }

    /// A key's item.
    pub(crate) async fn item_of(&self, key: &str) -> Value {
        let pk = format!("{}#{key}", self.harness.instance());
        let everything = self.everything().await;
        let found = everything.into_iter().find(|item| item["pk"] == pk.as_str() && item["sk"] == "key");
        found.unwrap_or_else(|| panic!("no item {pk}"))
    }

    /// The whole table, in a fixed order.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let mut items = self.harness.items().await.unwrap();
        items.sort_by_key(|item| format!("{} {}", item["pk"], item["sk"]));
        items
    }

    /// Runs `redeliver` once and returns its summary.
    pub(crate) async fn redeliver(&self) -> Value {
        let run = self.harness.redeliver().await;
        run.unwrap_or_else(|error| {
            let log = self.harness.redeliver_function().processes().map(ProcessFunction::log);
            panic!("{error}:\n{}", log.unwrap_or_default().join("\n"))
        })
    }

    /// Puts a key into the table whose last notification is still pending for `services`, due since `due_at`.
    pub(crate) async fn plant(&self, services: &[&str], due_at: EpochMillis) -> String {
        self.plant_as(KeyId::random(), services, due_at).await
    }

    pub(crate) async fn plant_as(&self, key: KeyId, services: &[&str], due_at: EpochMillis) -> String {
        let (instance, crn) = (self.harness.instance(), self.crn(&key.to_string()));
        let counts: BTreeMap<_, _> = services.iter().map(|service| (service, 1)).collect();
        let (claim, due_shard) = (ClaimId::unique(), u64::try_from(item::due_shard(key)).unwrap());
        let item = json!({
            "pk": item::key_pk(instance, key), "sk": item::KEY_ITEM,
            "crn": crn, "key_type": "root", "state": 5, "ring": "default",
            "version": {"id": key, "created_at": due_at}, "event": {"action": "delete", "at": due_at},
            "name": "planted", "created_at": due_at, "created_by": "nobody",
            "notified_at": due_at, "claim": claim, "lease": claim, "sequence": 1,
            "services": counts, "pending": counts, "retries": {}, "outcome": {}, "acknowledged": {},
            "due_shard": due_shard, "due_at": due_at,
        });
        let client = self.harness.dynamodb().client();
        let item = serde_dynamo::to_item(item).unwrap();
        client.put_item().table_name(self.harness.table()).set_item(Some(item)).send().await.unwrap();
        key.to_string()
    }

    /// Ends the lease of a key's notification, by a single write: quicker than time travel, for a test that
    /// holds up a call meanwhile, which the SDK waits for no longer than 1.5 s.
    pub(crate) async fn end_lease(&self, key: &str) {
        let client = self.harness.dynamodb().client();
        let pk = AttributeValue::S(format!("{}#{key}", self.harness.instance()));
        let now = AttributeValue::N(self.harness.clock().now().get().to_string());
        let update = client.update_item().table_name(self.harness.table());
        let update = update.key("pk", pk).key("sk", AttributeValue::S(item::KEY_ITEM.to_owned()));
        let update = update.update_expression("SET due_at = :now").expression_attribute_values(":now", now);
        update.send().await.unwrap();
    }

    /// What a service was told of a key so far: sequence and key state of each callback.
    pub(crate) fn told(service: &AssociatedService, key: &str) -> Vec<(String, u64)> {
        let events = service.received().into_iter().map(|received| received.body);
        let events = events.map(|body| serde_json::from_str::<Value>(&body).unwrap());
        let of_key = events.filter(|event| event["subject"] == key);
        of_key.map(|event| (text(&event["sequence"]), event["data"]["keyState"].as_u64().unwrap())).collect()
    }

    pub(crate) async fn advance_clock(&self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
    }
}

/// A string in JSON, as it is.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// How long after it was claimed a notification that nobody confirmed is due: request, and margin.
pub(crate) const LEASE: Duration = Duration::from_secs(31);

/// The whole error document of contract section 1.
pub(crate) fn document(title: &str, status: u16, code: &str, message: &str) -> Value {
    json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.error+json", "collectionTotal": 1},
        "resources": [{
            "errorMsg": format!(
                "{title}: Could not initiate sync requests to associated resources: \
                 Please see `reasons` for more details ({code})"
            ),
            "reasons": [{
                "code": code, "message": message, "status": status,
                "moreInfo": "https://cloud.ibm.com/apidocs/key-protect",
            }],
        }],
    })
}

/// The length of the window.
pub(crate) const HOUR: Duration = Duration::from_hours(1);
