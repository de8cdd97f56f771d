//! Keys, registrations and aliases as items of the table.

use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata, types::AttributeValue};
use keysync::{
    key::{Alias, EpochMillis, InstanceId, KeyCrn, KeyFacts, KeyId, KeyVersion, ResourceCrn},
    ledger::{
        KeyRecord,
        item::{ALIAS_ITEM, Item, KEY_ITEM, alias_pk, key_pk},
        registration::{REGISTRATION, registration_sk},
    },
};
use serde::{Deserialize, Serialize};

use super::ApiError;

/// The table, as the endpoint uses it.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

/// A key's item: what the ledger knows, and what the endpoint alone does.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// What the ledger knows.
    pub record: KeyRecord,
    /// What the endpoint knows.
    pub description: Description,
}

/// What the endpoint alone knows of a key.
///
/// What is not there is left out: to DynamoDB's conditions an attribute that is null exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it was made.
    pub created_at: EpochMillis,
    /// By whom.
    pub created_by: String,
}

impl StoredKey {
    /// When it was last rotated, if ever: the first version bears the key's own id.
    #[must_use]
    pub fn rotated_at(&self) -> Option<EpochMillis> {
        let KeyRecord { crn, version, .. } = &self.record;
        (version.id != crn.key.to_string()).then_some(version.created_at)
    }

    /// What the key is, as events tell it.
    #[must_use]
    pub fn facts(&self) -> KeyFacts {
        let KeyRecord { crn, key_type, state, ring, version, .. } = self.record.clone();
        KeyFacts { crn, key_type, state, ring, version }
    }

    fn read(item: Item) -> Result<Self, ApiError> {
        Ok(Self {
            description: from_item(item.clone())?,
            record: KeyRecord::read(item).map_err(ApiError::table)?,
        })
    }
}

/// A resource that a key protects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The key.
    pub key_id: KeyId,
    /// The resource.
    pub resource_crn: ResourceCrn,
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
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// Keeps what the endpoint alone knows of a key, beside what the ledger will know of it.
    pub async fn describe(&self, crn: &KeyCrn, key: &Description) -> Result<(), ApiError> {
        self.merge(&pk(crn), KEY_ITEM, to_item(key)?).await
    }

    /// Sets attributes of an item and leaves its others as they are.
    async fn merge(&self, pk: &str, sk: &str, attributes: Item) -> Result<(), ApiError> {
        let mut update =
            self.client.update_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        let mut set = Vec::new();
        for (n, (name, value)) in attributes.into_iter().enumerate() {
            set.push(format!("#a{n} = :a{n}"));
            update = update
                .expression_attribute_names(format!("#a{n}"), name)
                .expression_attribute_values(format!(":a{n}"), value);
        }
        update.update_expression(format!("SET {}", set.join(", "))).send().await.map_err(table)?;
        Ok(())
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
        let known = found.item.filter(|item| item.contains_key("crn"));
        let stored = StoredKey::read(known.ok_or_else(ApiError::key_not_found)?)?;
        if stored.record.purged_at.is_some() { Err(ApiError::key_not_found()) } else { Ok(stored) }
    }

    /// All keys of an instance that were not purged, oldest first.
    pub async fn list(&self, instance: InstanceId) -> Result<Vec<StoredKey>, ApiError> {
        let items = self.scan(instance, "sk = :kind AND attribute_exists(crn)", KEY_ITEM).await?;
        let mut keys = items.into_iter().map(StoredKey::read).collect::<Result<Vec<_>, _>>()?;
        keys.retain(|key| key.record.purged_at.is_none());
        keys.sort_by_key(|key| (key.description.created_at, key.record.crn.key));
        Ok(keys)
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

    /// Keeps what the endpoint alone knows of a registration, beside what the ledger will know of it.
    pub async fn describe_registration(
        &self,
        crn: &KeyCrn,
        registration: &Registration,
    ) -> Result<(), ApiError> {
        self.merge(&pk(crn), &registration_sk(&registration.resource_crn), to_item(registration)?).await
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
        standing(pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)?)
    }

    /// The registrations of all keys of an instance.
    pub async fn all_registrations(&self, instance: InstanceId) -> Result<Vec<Registration>, ApiError> {
        standing(self.scan(instance, "begins_with(sk, :kind)", REGISTRATION).await?)
    }

    /// Every item in the table, whatever it is.
    pub async fn everything(&self) -> Result<Vec<Item>, ApiError> {
        let pages =
            self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }

    /// Deletes every item.
    pub(crate) async fn clear(&self) -> Result<(), ApiError> {
        for item in self.everything().await? {
            let keys = item.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(keys));
            delete.send().await.map_err(table)?;
        }
        Ok(())
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

/// The registrations that stand, without those that were deleted or are not counted yet.
fn standing(mut items: Vec<Item>) -> Result<Vec<Registration>, ApiError> {
    items.retain(|item| item.get("registered") == Some(&AttributeValue::Bool(true)));
    items.into_iter().map(from_item).collect()
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
