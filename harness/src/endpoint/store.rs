//! Keys, registrations and aliases as items of the table.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use keysync::{
    key::{
        Alias, EpochMillis, InstanceId, KeyCrn, KeyId, KeyRing, KeyState, KeyType, KeyVersion,
        LifecycleAction, LifecycleEvent, ServiceName,
    },
    ledger::item::{ALIAS_ITEM, Item, KEY_ITEM, Outcome, alias_pk, key_pk},
};
use serde::{Deserialize, Serialize};

use super::{ApiError, service_of};

/// What the sort keys of registrations start with; the resource's CRN follows.
const REGISTRATION: &str = "registration#";

/// The table, as the endpoint uses it.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

/// A key's item, with the endpoint's own attributes beside those of the ledger.
///
/// What is not there is left out: to DynamoDB's conditions an attribute that is null exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredKey {
    /// The key's full name.
    pub crn: KeyCrn,
    /// Root or standard.
    pub key_type: KeyType,
    /// Its state.
    pub state: KeyState,
    /// The ring it is in.
    pub ring: KeyRing,
    /// Its current version.
    pub version: KeyVersion,
    /// Its latest lifecycle action.
    pub event: LifecycleEvent,
    /// Registrations by service.
    pub services: BTreeMap<ServiceName, u64>,
    /// What became of the last notification of each service.
    pub outcome: BTreeMap<ServiceName, Outcome>,
    /// When it was last notified about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notified_at: Option<EpochMillis>,
    /// When it was purged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purged_at: Option<EpochMillis>,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    pub created_at: EpochMillis,
    /// By whom.
    pub created_by: String,
}

impl StoredKey {
    /// When it was last rotated, if ever: the first version bears the key's own id.
    #[must_use]
    pub fn rotated_at(&self) -> Option<EpochMillis> {
        (self.version.id != self.crn.key.to_string()).then_some(self.version.created_at)
    }
}

/// What it takes to make a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key's full name.
    pub crn: KeyCrn,
    /// Root or standard.
    pub key_type: KeyType,
    /// The ring it is in.
    pub ring: KeyRing,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who makes it.
    pub created_by: String,
}

/// A resource that a key protects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The key.
    pub key_id: KeyId,
    /// The resource.
    pub resource_crn: String,
    /// What it is.
    pub description: String,
    /// Whether the key may not be deleted while this registration exists.
    pub prevent_key_deletion: bool,
    /// When it was made.
    pub created_at: EpochMillis,
    /// By whom.
    pub created_by: String,
    /// The version that protects the resource.
    pub key_version: KeyVersion,
}

impl Store {
    /// The table named `table`, at the engine itself: the endpoint's own calls are not under test.
    #[must_use]
    pub fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// Makes a key.
    pub async fn create(&self, key: NewKey, now: EpochMillis) -> Result<StoredKey, ApiError> {
        let NewKey { crn, key_type, ring, name, description, created_by } = key;
        let stored = StoredKey {
            version: KeyVersion { id: crn.key.to_string(), created_at: now },
            crn,
            key_type,
            state: KeyState::Active,
            ring,
            event: LifecycleEvent { action: LifecycleAction::Create, at: now },
            services: BTreeMap::new(),
            outcome: BTreeMap::new(),
            notified_at: None,
            purged_at: None,
            name,
            description,
            created_at: now,
            created_by,
        };
        let item = with_keys(to_item(&stored)?, &pk(&stored.crn), KEY_ITEM);
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.map_err(table)?;
        Ok(stored)
    }

    /// The key, unless there is none or it was purged.
    pub async fn get(&self, instance: InstanceId, key: KeyId) -> Result<StoredKey, ApiError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(key_pk(instance, key)))
            .key("sk", text(KEY_ITEM))
            .consistent_read(true)
            .send()
            .await
            .map_err(table)?;
        let stored: StoredKey = from_item(found.item.ok_or_else(ApiError::key_not_found)?)?;
        if stored.purged_at.is_some() { Err(ApiError::key_not_found()) } else { Ok(stored) }
    }

    /// All keys of an instance that were not purged, oldest first.
    pub async fn list(&self, instance: InstanceId) -> Result<Vec<StoredKey>, ApiError> {
        let items = self.scan(instance, "sk = :kind", KEY_ITEM).await?;
        let mut keys = items.into_iter().map(from_item).collect::<Result<Vec<StoredKey>, _>>()?;
        keys.retain(|key| key.purged_at.is_none());
        keys.sort_by_key(|key| (key.created_at, key.crn.key));
        Ok(keys)
    }

    /// Marks a key as purged.
    pub async fn purge(&self, crn: &KeyCrn, now: EpochMillis) -> Result<(), ApiError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk(crn)))
            .key("sk", text(KEY_ITEM))
            .update_expression("SET purged_at = :now")
            .expression_attribute_values(":now", AttributeValue::N(now.get().to_string()))
            .send()
            .await
            .map_err(table)?;
        Ok(())
    }

    /// Gives a key another name.
    pub async fn create_alias(&self, crn: &KeyCrn, alias: &Alias) -> Result<(), ApiError> {
        let item = Item::from([("key_id".to_owned(), text(crn.key))]);
        let item = with_keys(item, &alias_pk(crn.instance.instance, alias), ALIAS_ITEM);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Err(ApiError::conflict(
                "ALIAS_NOT_UNIQUE_ERR",
                format!("The alias {alias} is taken in this instance"),
            )),
            Err(error) => Err(table(error)),
        }
    }

    /// Registers a resource and counts it under its service, both or neither.
    pub async fn register(&self, key: &StoredKey, registration: &Registration) -> Result<(), ApiError> {
        let crn = &registration.resource_crn;
        let service = service_of(crn)
            .ok_or_else(|| ApiError::field("resourceCrn", format!("must be a CRN: got `{crn}`")))?;
        let item = with_keys(to_item(registration)?, &pk(&key.crn), &format!("{REGISTRATION}{crn}"));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(table)?;
        let count = Update::builder()
            .table_name(&self.table)
            .key("pk", text(pk(&key.crn)))
            .key("sk", text(KEY_ITEM))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET services.#service = if_not_exists(services.#service, :none) + :one")
            .expression_attribute_names("#service", service.to_string())
            .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()
            .map_err(table)?;
        let both = [
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(count).build(),
        ];
        match self.client.transact_write_items().set_transact_items(Some(both.into())).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("TransactionCanceledException") => Err(ApiError::conflict(
                "REGISTRATION_EXISTS_ERR",
                format!("The resource {crn} is registered with this key already"),
            )),
            Err(error) => Err(table(error)),
        }
    }

    /// The registrations of a key.
    pub async fn registrations(&self, crn: &KeyCrn) -> Result<Vec<Registration>, ApiError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", text(pk(crn)))
            .expression_attribute_values(":kind", text(REGISTRATION))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)?;
        items.into_iter().map(from_item).collect()
    }

    /// The registrations of all keys of an instance.
    pub async fn all_registrations(&self, instance: InstanceId) -> Result<Vec<Registration>, ApiError> {
        let items = self.scan(instance, "begins_with(sk, :kind)", REGISTRATION).await?;
        items.into_iter().map(from_item).collect()
    }

    /// Every item in the table, whatever it is.
    pub async fn everything(&self) -> Result<Vec<Item>, ApiError> {
        let pages =
            self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }

    /// An emulator's way to list: the function never does, so the table needs no index for it.
    async fn scan(&self, instance: InstanceId, of_kind: &str, kind: &str) -> Result<Vec<Item>, ApiError> {
        let pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression(format!("begins_with(pk, :instance) AND {of_kind}"))
            .expression_attribute_values(":instance", text(format!("{instance}#")))
            .expression_attribute_values(":kind", text(kind))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }
}

fn pk(crn: &KeyCrn) -> String {
    key_pk(crn.instance.instance, crn.key)
}

fn with_keys(mut item: Item, pk: &str, sk: &str) -> Item {
    item.insert("pk".to_owned(), text(pk));
    item.insert("sk".to_owned(), text(sk));
    item
}

#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn to_item(value: impl Serialize) -> Result<Item, ApiError> {
    serde_dynamo::to_item(value).map_err(ApiError::table)
}

fn from_item<T: for<'de> Deserialize<'de>>(item: Item) -> Result<T, ApiError> {
    serde_dynamo::from_item(item).map_err(ApiError::table)
}

fn table(error: impl std::error::Error) -> ApiError {
    ApiError::table(aws_sdk_dynamodb::error::DisplayErrorContext(error))
}
