//! Registrations: the attributes that only the emulated KMS uses. The ledger counts registrations.

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::{
    domain::{EpochMillis, InstanceId, KeyCrn, KeyId, KeyVersion, ResourceCrn},
    ledger::{
        item::Item,
        registration::{REGISTRATION, registration_sk},
    },
};
use serde::{Deserialize, Serialize};

use super::{Store, from_item, pk, to_item};
use crate::ApiError;

/// A resource that a key protects. Most attributes are missing if the resource was not registered
/// here and is known by its event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// ID of the key.
    pub key_id: KeyId,
    /// CRN of the resource.
    pub resource_crn: ResourceCrn,
    /// Description of the resource.
    pub description: String,
    /// Whether the registration prevents the deletion of the key.
    pub prevent_key_deletion: bool,
    /// Time of creation.
    pub created_at: EpochMillis,
    /// IAM ID of the creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Time of the last change.
    pub updated_at: EpochMillis,
    /// IAM ID of the caller that made the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// Key version that protects the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<KeyVersion>,
}

impl Registration {
    /// Parses an item. One that only an event has written lacks the attributes of the emulated KMS.
    fn read(item: Item) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Keys {
            pk: String,
            sk: String,
            changed_at: EpochMillis,
        }
        if item.contains_key("resource_crn") {
            return from_item(item);
        }
        let Keys { pk, sk, changed_at } = from_item(item)?;
        let invalid = || ApiError::table(format!("the item {pk} {sk} is not a valid registration"));
        let key_id = pk.split_once('#').and_then(|(_, key)| key.parse().ok()).ok_or_else(invalid)?;
        let resource_crn =
            sk.strip_prefix(REGISTRATION).and_then(|crn| crn.parse().ok()).ok_or_else(invalid)?;
        Ok(Self {
            key_id,
            resource_crn,
            description: String::new(),
            prevent_key_deletion: false,
            created_at: changed_at,
            created_by: None,
            updated_at: changed_at,
            updated_by: None,
            key_version: None,
        })
    }
}

impl Store {
    /// Stores the attributes of the emulated KMS. The ledger adds its own when it processes the
    /// event.
    pub async fn put_registration(&self, crn: &KeyCrn, registration: &Registration) -> Result<(), ApiError> {
        let attributes = to_item(registration)?;
        self.merge(&pk(crn), &registration_sk(&registration.resource_crn), attributes, &[]).await
    }

    /// The registrations of a key.
    pub async fn registrations(&self, crn: &KeyCrn) -> Result<Vec<Registration>, ApiError> {
        Ok(existing(self.partition(&pk(crn), REGISTRATION).await?))
    }

    /// The registrations of all keys of an instance.
    pub async fn all_registrations(&self, instance: InstanceId) -> Result<Vec<Registration>, ApiError> {
        Ok(existing(self.scan(instance, "begins_with(sk, :kind)", REGISTRATION).await?))
    }
}

/// The existing registrations. Deleted ones, those that are not counted yet, and invalid items are
/// skipped.
fn existing(mut items: Vec<Item>) -> Vec<Registration> {
    items.retain(|item| item.get("registered") == Some(&AttributeValue::Bool(true)));
    let mut registrations: Vec<_> =
        items.into_iter().filter_map(|item| Registration::read(item).ok()).collect();
    registrations.sort_by(|one, other| {
        (one.key_id, one.created_at, &one.resource_crn).cmp(&(
            other.key_id,
            other.created_at,
            &other.resource_crn,
        ))
    });
    registrations
}
