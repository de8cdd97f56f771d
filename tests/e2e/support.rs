//! Helpers of most end-to-end tests: the key's item, planted notifications, a stopped clock.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use keysync::{
    domain::{ClaimId, EpochMillis, KeyCrn, KeyId},
    ledger::{item, registration::REGISTRATION},
};
use keysync_testkit::{
    Harness, HarnessClock, KeyType, RedeliverSummary,
    lambda::{Mode, ProcessFunction},
    services::AssociatedService,
};
use serde_json::{Value, json};

pub(crate) use crate::{
    binaries::binaries,
    world::{World, text, world, world_of},
};

/// The length of the sync window.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// The time after its claim at which an unconfirmed notification is due: the request's timeout and
/// a margin.
pub(crate) const LEASE: Duration = Duration::from_secs(31);

/// A world whose function runs in this process, on a stopped clock that the test advances.
pub(crate) async fn world_at(now: EpochMillis) -> World {
    world_of(Harness::builder().mode(Mode::InProcess).clock(HarnessClock::set_to(now))).await
}

/// Random ids of keys whose notifications are in this shard of the due index.
pub(crate) fn keys_of_shard(shard: u128) -> impl Iterator<Item = KeyId> {
    std::iter::repeat_with(KeyId::random).filter(move |key| item::due_shard(*key) == shard)
}

impl World {
    /// Creates a key without registrations.
    pub(crate) async fn another_key(&self) -> String {
        self.manager.create_key("another", KeyType::Root).await.unwrap()
    }

    /// The CRN of a key in the harness's instance.
    pub(crate) fn crn(&self, key: &str) -> KeyCrn {
        let (account, instance) = (self.harness.account(), self.harness.instance());
        let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}");
        crn.parse().unwrap()
    }

    /// The item of the world's key.
    pub(crate) async fn item(&self) -> Value {
        self.item_of(&self.key).await
    }

    /// The item of a key.
    pub(crate) async fn item_of(&self, key: &str) -> Value {
        let pk = format!("{}#{key}", self.harness.instance());
        let items = self.all_items().await;
        let found = items.into_iter().find(|item| item["pk"] == pk.as_str() && item["sk"] == "key");
        found.unwrap_or_else(|| panic!("no item {pk}"))
    }

    /// Runs `redeliver` once and returns its summary.
    pub(crate) async fn redeliver(&self) -> RedeliverSummary {
        let run = self.harness.redeliver().await;
        run.unwrap_or_else(|error| {
            let log = self.harness.redeliver_function().processes().map(ProcessFunction::log);
            panic!("{error}:\n{}", log.unwrap_or_default().join("\n"))
        })
    }

    /// Writes a key whose last notification is pending for `services` and due at `due_at`; returns
    /// its id.
    pub(crate) async fn plant(&self, services: &[&str], due_at: EpochMillis) -> String {
        self.plant_as(KeyId::random(), services, due_at).await
    }

    /// The same with a given id.
    pub(crate) async fn plant_as(&self, key: KeyId, services: &[&str], due_at: EpochMillis) -> String {
        let client = self.harness.dynamodb().client();
        let item = self.planted(key, services, due_at);
        client.put_item().table_name(self.harness.table()).set_item(Some(item)).send().await.unwrap();
        key.to_string()
    }

    /// Writes this many such keys that share a shard of the due index.
    pub(crate) async fn plant_in_one_shard(&self, keys: usize, due_at: EpochMillis) {
        let client = self.harness.dynamodb().client();
        let put = |key| {
            let item = self.planted(key, &["cloud-object-storage"], due_at);
            WriteRequest::builder()
                .put_request(PutRequest::builder().set_item(Some(item)).build().unwrap())
                .build()
        };
        let writes: Vec<_> = keys_of_shard(0).take(keys).map(put).collect();
        for batch in writes.chunks(25) {
            let table = self.harness.table();
            let written =
                client.batch_write_item().request_items(table, batch.to_vec()).send().await.unwrap();
            assert!(written.unprocessed_items.unwrap_or_default().is_empty());
        }
    }

    /// The item of a key whose last notification is pending for `services` and due at `due_at`.
    fn planted(&self, key: KeyId, services: &[&str], due_at: EpochMillis) -> HashMap<String, AttributeValue> {
        let (instance, crn) = (self.harness.instance(), self.crn(&key.to_string()));
        let counts: BTreeMap<_, _> = services.iter().map(|service| (service, 1)).collect();
        let (claim, due_shard) = (ClaimId::unique(), u64::try_from(item::due_shard(key)).unwrap());
        let item = json!({
            "pk": item::key_pk(instance, key), "sk": item::KEY_ITEM,
            "crn": crn, "key_type": "root", "state": 5, "ring": "default",
            "version": {"id": key, "created_at": due_at}, "event": {"action": "delete", "at": due_at},
            "name": "planted", "created_at": due_at, "created_by": "IBMid-unknown",
            "notified_at": due_at, "claim": claim, "lease": claim, "sequence": 1,
            "services": counts, "pending": counts, "retries": {}, "outcome": {}, "acknowledged": {},
            "due_shard": due_shard, "due_at": due_at,
        });
        serde_dynamo::to_item(item).unwrap()
    }

    /// Changes a key's notification to one that was claimed `age` ago and is due in `wait`.
    pub(crate) async fn defer(&self, key: &str, age: Duration, wait: Duration) {
        let now = self.harness.clock().now();
        self.set_instants(key, &[("notified_at", now.minus(age)), ("due_at", now.plus(wait))]).await;
    }

    /// Sets instants of a key's item.
    async fn set_instants(&self, key: &str, instants: &[(&str, EpochMillis)]) {
        let client = self.harness.dynamodb().client();
        let pk = AttributeValue::S(format!("{}#{key}", self.harness.instance()));
        let mut update = client.update_item().table_name(self.harness.table());
        update = update.key("pk", pk).key("sk", AttributeValue::S(item::KEY_ITEM.to_owned()));
        let assignments: Vec<_> = instants.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        for (name, instant) in instants {
            let value = AttributeValue::N(instant.get().to_string());
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        update.update_expression(format!("SET {}", assignments.join(", "))).send().await.unwrap();
    }

    /// Ends all registrations of a service with the world's key.
    pub(crate) async fn deregister(&self, service: &str) {
        let (pk, now) = (format!("{}#{}", self.harness.instance(), self.key), self.harness.clock().now());
        let items = self.all_items().await.into_iter().filter(|item| item["pk"] == pk.as_str());
        let sks: Vec<String> = items.map(|item| text(&item["sk"])).collect();
        let resources = sks.iter().filter_map(|sk| sk.strip_prefix(REGISTRATION));
        for resource in resources.filter(|resource| resource.contains(&format!(":{service}:"))) {
            let (key, resource) = (self.crn(&self.key), resource.parse().unwrap());
            self.harness.events().registration(&key, &resource, false, now).processed().await;
        }
        assert_eq!(self.item().await["services"].get(service), None);
    }

    /// The event that a key was purged now, as the queue receives it.
    pub(crate) fn purge_event(&self, key: &str) -> String {
        let occurred_at = self.harness.clock().now().to_string();
        let detail = json!({"schemaVersion": 1, "keyCrn": self.crn(key), "occurredAt": occurred_at});
        self.harness.events().envelope("kms.secrets.purge", &detail).to_string()
    }

    /// Invokes `lifecycle` once with a batch of one message, and returns how many messages it
    /// returned to the queue.
    pub(crate) async fn process(&self, body: &str) -> usize {
        let batch = json!({"Records": [{"messageId": "m-1", "body": body}]});
        let response = self.harness.lifecycle_function().invoke(&batch).await.unwrap();
        response["batchItemFailures"].as_array().unwrap().len()
    }

    /// Ends the lease of a key's notification by a single write. Advancing the clock takes longer
    /// than the 1.5 s that the SDK waits for a call, which matters to a test that holds a call.
    pub(crate) async fn end_lease(&self, key: &str) {
        self.set_instants(key, &[("due_at", self.harness.clock().now())]).await;
    }

    /// Sequence and key state of each callback about a key that a service has received so far.
    pub(crate) fn callbacks(service: &AssociatedService, key: &str) -> Vec<(String, u64)> {
        let events = service.received().into_iter().map(|received| received.text().into_owned());
        let events = events.map(|body| serde_json::from_str::<Value>(&body).unwrap());
        let of_key = events.filter(|event| event["subject"] == key);
        of_key.map(|event| (text(&event["sequence"]), event["data"]["keyState"].as_u64().unwrap())).collect()
    }
}

/// The whole error document of a sync request.
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
