//! Reads for operators: one key, its partition, and all items of an instance.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::{
    Ledger, LedgerError, NotificationStatus,
    expression::string,
    item::{Item, KEY_ITEM, KeyRecord, key_pk, parse_key_pk},
    registration::REGISTRATION,
    status::status,
};
use crate::domain::{EpochMillis, InstanceId, KeyId, ResourceCrn, ServiceName};

/// A stored key.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The key and its last notification.
    pub record: KeyRecord,
    /// The number of registrations, by service.
    pub services: BTreeMap<ServiceName, u64>,
    /// The instant at which the outbox is due; `None` if no service is pending.
    pub due_at: Option<EpochMillis>,
}

/// An item of the table.
#[derive(Clone, Debug)]
pub enum Stored {
    /// A key.
    Key(Box<StoredKey>),
    /// An active registration.
    Registration {
        /// The id of the key.
        key: KeyId,
        /// The CRN of the resource.
        resource: ResourceCrn,
    },
}

/// A key's item and its active registrations.
#[derive(Clone, Debug, Default)]
pub struct StoredPartition {
    /// The key; `None` if it is unknown.
    pub key: Option<StoredKey>,
    /// The resources that are registered under it.
    pub registrations: BTreeSet<ResourceCrn>,
}

/// A page of a scan.
#[derive(Debug)]
pub struct ScanPage {
    /// The keys and active registrations of the page.
    pub items: Vec<Stored>,
    /// The number of items that DynamoDB read for the page, of all instances and kinds.
    pub scanned: usize,
    /// The start of the next page; `None` for the last page.
    pub next: Option<ScanCursor>,
}

/// The start of a page of a scan.
#[derive(Clone, Debug)]
pub struct ScanCursor(Item);

impl Ledger {
    /// The key with this id; `None` if it is unknown. Strongly consistent.
    pub async fn stored_key(
        &self,
        instance: InstanceId,
        key: KeyId,
    ) -> Result<Option<StoredKey>, LedgerError> {
        self.get(&key_pk(instance, key), KEY_ITEM).await?.map(StoredKey::read).transpose()
    }

    /// A key with its registrations. Strongly consistent within a page of 1 MB.
    pub async fn partition(&self, instance: InstanceId, key: KeyId) -> Result<StoredPartition, LedgerError> {
        let (mut partition, mut start) = (StoredPartition::default(), None);
        loop {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk").set_exclusive_start_key(start);
            let page = query.expression_attribute_values(":pk", string(key_pk(instance, key))).send().await?;
            for item in page.items.unwrap_or_default() {
                match read(item)? {
                    Some(Stored::Key(key)) => partition.key = Some(*key),
                    Some(Stored::Registration { resource, .. }) => {
                        partition.registrations.insert(resource);
                    }
                    None => {}
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(partition);
            }
        }
    }

    /// A page of all keys and active registrations, of one instance if it is given. Reads the whole
    /// table, 1 MB per page, in no order.
    pub async fn scan(
        &self,
        instance: Option<InstanceId>,
        start: Option<ScanCursor>,
    ) -> Result<ScanPage, LedgerError> {
        let scan = self.client.scan().table_name(&self.table);
        let mut scan = scan.set_exclusive_start_key(start.map(|ScanCursor(key)| key));
        if let Some(instance) = instance {
            scan = scan.filter_expression("begins_with(pk, :instance)");
            scan = scan.expression_attribute_values(":instance", AttributeValue::S(format!("{instance}#")));
        }
        let page = scan.send().await?;
        let items: Result<Vec<_>, _> =
            page.items.unwrap_or_default().into_iter().filter_map(|item| read(item).transpose()).collect();
        let scanned = usize::try_from(page.scanned_count).unwrap_or_default();
        Ok(ScanPage { items: items?, scanned, next: page.last_evaluated_key.map(ScanCursor) })
    }
}

impl StoredKey {
    /// The status at `now` of the last notification, purged keys included.
    #[must_use]
    pub fn status(&self, now: EpochMillis) -> NotificationStatus {
        status(&self.record, now)
    }

    fn read(item: Item) -> Result<Self, LedgerError> {
        #[derive(Deserialize)]
        struct Rest {
            due_at: Option<EpochMillis>,
        }
        let Rest { due_at } = serde_dynamo::from_item(item.clone()).map_err(|error| invalid(&error))?;
        let record = KeyRecord::read(item)?;
        Ok(Self { services: record.services.clone(), record, due_at })
    }
}

/// Parses a key or an active registration; `None` for other items.
fn read(item: Item) -> Result<Option<Stored>, LedgerError> {
    #[derive(Deserialize)]
    struct Registration {
        #[serde(default)]
        registered: bool,
    }
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let (Some(pk), Some(sk)) = (text("pk"), text("sk")) else { return Ok(None) };
    let Some((_, key)) = parse_key_pk(&pk) else { return Ok(None) };
    if sk == KEY_ITEM {
        // An item without a lifecycle action is no key yet.
        if !item.contains_key("event") {
            return Ok(None);
        }
        return Ok(Some(Stored::Key(Box::new(StoredKey::read(item)?))));
    }
    let Some(resource) = sk.strip_prefix(REGISTRATION) else { return Ok(None) };
    let resource = resource.parse().map_err(|error| invalid(&error))?;
    let Registration { registered } = serde_dynamo::from_item(item).map_err(|error| invalid(&error))?;
    Ok(registered.then_some(Stored::Registration { key, resource }))
}

fn invalid(error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Defect(format!("invalid item: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        registration::registration_sk,
        stub::{CRN, Step, Stub, found, with},
    };

    /// What is read of the stub's key with these attributes.
    fn stored(attributes: Value) -> Result<Option<Stored>, LedgerError> {
        let key: crate::domain::KeyCrn = CRN.parse().unwrap();
        let pk = key_pk(key.instance.instance, key.key);
        let item = with(crate::ledger::stub::item(), json!({"pk": {"S": pk}, "sk": {"S": KEY_ITEM}}));
        let item: serde_dynamo::Item = serde_json::from_value(with(item, attributes)).unwrap();
        read(item.into())
    }

    #[test]
    fn keys_and_active_registrations_are_read() {
        let key = stored(json!({"due_at": {"N": "9"}})).unwrap();
        assert!(matches!(key, Some(Stored::Key(key)) if key.due_at == Some(EpochMillis::new(9))));
        let resource: ResourceCrn =
            "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8a9bc001::".parse().unwrap();
        let registration = |registered: bool| {
            let sk = registration_sk(&resource);
            stored(json!({"sk": {"S": sk}, "registered": {"BOOL": registered}})).unwrap()
        };
        assert!(
            matches!(registration(true), Some(Stored::Registration { resource: it, .. }) if it == resource)
        );
        assert!(registration(false).is_none(), "a tombstone");
        assert!(stored(json!({"sk": {"S": "other"}})).unwrap().is_none());
        assert!(stored(json!({"pk": {"S": "pauses"}})).unwrap().is_none());
    }

    #[test]
    fn item_without_lifecycle_action_is_no_key() {
        let key: crate::domain::KeyCrn = CRN.parse().unwrap();
        let pk = string(key_pk(key.instance.instance, key.key));
        let item = Item::from([("pk".to_owned(), pk), ("sk".to_owned(), string(KEY_ITEM))]);
        assert!(read(item).unwrap().is_none());
    }

    #[tokio::test]
    async fn all_pages_of_a_partition_are_read() {
        let key: crate::domain::KeyCrn = CRN.parse().unwrap();
        let (instance, id) = (key.instance.instance, key.key);
        let pk = key_pk(instance, id);
        let resource = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8a9bc001::";
        let sk = format!("{REGISTRATION}{resource}");
        let registration = json!({"pk": {"S": pk}, "sk": {"S": sk}, "registered": {"BOOL": true}});
        let stored = with(crate::ledger::stub::item(), json!({"pk": {"S": pk}, "sk": {"S": KEY_ITEM}}));
        let last = json!({"pk": {"S": pk}, "sk": {"S": KEY_ITEM}});
        let stub = Stub::with([
            Step::Respond(200, json!({"Items": [stored], "LastEvaluatedKey": last})),
            Step::Respond(200, json!({"Items": [registration]})),
            found(&stored),
            Step::Respond(200, json!({})),
        ]);
        let ledger = stub.ledger(DynamoDbClient::Sdk);
        let partition = ledger.partition(instance, id).await.unwrap();
        assert!(partition.key.is_some());
        assert_eq!(partition.registrations, BTreeSet::from([resource.parse().unwrap()]));
        assert_eq!(stub.take_sent()[1].body["ExclusiveStartKey"], last);
        let stored = ledger.stored_key(instance, id).await.unwrap();
        let event_id = stored.and_then(|key| key.record.event_id(&"one".parse().unwrap()));
        assert!(event_id.is_some_and(|event| event.to_string().ends_with("_one")));
        assert!(ledger.stored_key(instance, id).await.unwrap().is_none());
    }
}
