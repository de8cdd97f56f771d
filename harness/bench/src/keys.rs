//! Keys for the requests: items as the functions write them, put into the table directly.

use std::{collections::BTreeMap, ops::Range};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use keysync::{
    Clock,
    domain::{ClaimId, EpochMillis, InstanceId, KeyId, ResourceCrn},
    ledger::{
        item::{ALIAS_ITEM, Item, KEY_ITEM, alias_pk, due_shard, key_pk},
        registration::registration_sk,
    },
};
use serde_json::json;

use super::BenchError;

/// Items in one `BatchWriteItem`: the maximum of DynamoDB.
const BATCH: usize = 25;
/// Concurrent writes.
const AT_ONCE: usize = 8;

/// The table that keys are put into.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) instance: InstanceId,
}

/// A key whose window is open.
#[derive(Clone, Debug)]
pub(super) struct BenchKey {
    pub(super) id: KeyId,
    /// Number of registrations per service.
    pub(super) services: BTreeMap<String, u64>,
}

impl BenchKey {
    /// A new key with one registration of each of `services`.
    pub(super) fn new(services: &[String]) -> Self {
        let services = services.iter().map(|name| (name.clone(), 1)).collect();
        Self { id: KeyId::random(), services }
    }

    /// Its alias.
    pub(super) fn alias(&self) -> String {
        format!("alias-{}", self.id)
    }
}

impl Table {
    /// Puts `keys` and their aliases into the table; calls `done` with the number of items of each
    /// write.
    pub(super) async fn put_keys(&self, keys: &[BenchKey], done: impl Fn(usize)) -> Result<(), BenchError> {
        let items = keys.iter().flat_map(|key| [self.key_item(key), self.alias_item(key)]);
        self.put(items, done).await
    }

    /// Puts registrations numbered `range` of the first service of each of `keys` into the table.
    pub(super) async fn put_registrations(
        &self,
        keys: &[BenchKey],
        range: Range<usize>,
        done: impl Fn(usize),
    ) -> Result<(), BenchError> {
        let items = keys.iter().flat_map(|key| range.clone().map(move |n| self.registration_item(key, n)));
        self.put(items, done).await
    }

    /// Puts `keys` into the table as with a notification that is due again.
    pub(super) async fn put_pending(&self, keys: &[BenchKey], claim: ClaimId) -> Result<(), BenchError> {
        let notified_at = Clock::system().now();
        let pending = |key: &BenchKey| {
            let attributes = json!({
                "notified_at": notified_at, "claim": claim, "lease": claim, "sequence": 1,
                "correlation_id": "c", "caller": "IBMid-1", "pending": key.services, "retries": {},
                "acknowledged": {}, "due_shard": u64::try_from(due_shard(key.id)).unwrap_or_default(),
                "due_at": notified_at,
            });
            let attributes: Item = serde_dynamo::to_item(attributes).map_err(BenchError::table)?;
            let mut item = self.key_item(key)?;
            item.extend(attributes);
            Ok(item)
        };
        self.put(keys.iter().map(pending), |_| {}).await
    }

    /// Opens the windows of `keys`, as after more than an hour.
    pub(super) async fn open_windows(&self, keys: &[BenchKey]) -> Result<(), BenchError> {
        let open = |key: &BenchKey| {
            let request = self
                .client
                .update_item()
                .table_name(&self.name)
                .key("pk", text(key_pk(self.instance, key.id)))
                .key("sk", text(KEY_ITEM))
                .update_expression("REMOVE notified_at")
                .send();
            async move { request.await.map(drop).map_err(BenchError::table) }
        };
        stream::iter(keys).map(open).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(())
    }

    async fn put(
        &self,
        items: impl Iterator<Item = Result<Item, BenchError>>,
        done: impl Fn(usize),
    ) -> Result<(), BenchError> {
        let mut batches = stream::iter(items).try_chunks(BATCH).map_err(|error| error.1);
        let mut writes = stream::FuturesUnordered::new();
        while let Some(batch) = batches.try_next().await? {
            if writes.len() == AT_ONCE
                && let Some(written) = writes.next().await
            {
                done(written?);
            }
            writes.push(self.write(batch));
        }
        while let Some(written) = writes.next().await {
            done(written?);
        }
        Ok(())
    }

    /// Writes a batch, and returns its number of items.
    async fn write(&self, batch: Vec<Item>) -> Result<usize, BenchError> {
        let count = batch.len();
        let put = |item| PutRequest::builder().set_item(Some(item)).build().map_err(BenchError::table);
        let mut requests = Vec::with_capacity(count);
        for item in batch {
            requests.push(WriteRequest::builder().put_request(put(item)?).build());
        }
        let written = self.client.batch_write_item().request_items(&self.name, requests).send().await;
        written.map_err(BenchError::table)?;
        Ok(count)
    }

    fn key_item(&self, key: &BenchKey) -> Result<Item, BenchError> {
        let (instance, id) = (self.instance, key.id);
        let created_at = EpochMillis::new(1_790_000_000_000);
        item(
            key_pk(instance, id),
            KEY_ITEM,
            json!({
                "crn": self.crn(key),
                "key_type": "root",
                "state": 1,
                "ring": "default",
                "version": {"id": id, "created_at": created_at},
                "event": {"action": "create", "at": created_at},
                "services": key.services,
                "outcome": {},
            }),
        )
    }

    /// The CRN of a key.
    pub(super) fn crn(&self, key: &BenchKey) -> String {
        let (account, instance) = (&self.account, self.instance);
        format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{}", key.id)
    }

    fn alias_item(&self, key: &BenchKey) -> Result<Item, BenchError> {
        let alias = key.alias().parse().map_err(BenchError::key)?;
        item(alias_pk(self.instance, &alias), ALIAS_ITEM, json!({"crn": self.crn(key)}))
    }

    fn registration_item(&self, key: &BenchKey, n: usize) -> Result<Item, BenchError> {
        let (account, service) = (&self.account, key.services.keys().next().map_or("", String::as_str));
        let crn = format!("crn:v1:bluemix:public:{service}:global:a/{account}:8c2e:bucket:bucket-{n}");
        let resource: ResourceCrn = crn.parse().map_err(BenchError::key)?;
        let created_at = EpochMillis::new(1_790_000_000_000);
        item(
            key_pk(self.instance, key.id),
            &registration_sk(&resource),
            json!({"key_id": key.id, "resource_crn": crn, "registered": true, "created_at": created_at}),
        )
    }
}

fn item(pk: String, sk: &str, attributes: serde_json::Value) -> Result<Item, BenchError> {
    let mut item: Item = serde_dynamo::to_item(attributes).map_err(BenchError::table)?;
    item.extend([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
    Ok(item)
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
