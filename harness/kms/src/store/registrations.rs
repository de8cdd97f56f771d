//! Registrations: what the endpoint alone knows of them, beside what the ledger counts.

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

/// A resource that a key protects. Of one that was not registered here, and is known by its event, only a part is known.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was changed last.
    pub updated_at: EpochMillis,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// The version that protects the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<KeyVersion>,
}

impl Registration {
    /// Reads an item. What only the endpoint writes is missing from one that came with an event alone.
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
        let unreadable = || ApiError::table(format!("{pk} {sk} is no registration"));
        let key_id = pk.split_once('#').and_then(|(_, key)| key.parse().ok()).ok_or_else(unreadable)?;
        let resource_crn =
            sk.strip_prefix(REGISTRATION).and_then(|crn| crn.parse().ok()).ok_or_else(unreadable)?;
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
    /// Keeps what the endpoint alone knows of a registration, beside what the ledger will know of it.
    pub async fn describe_registration(
        &self,
        crn: &KeyCrn,
        registration: &Registration,
    ) -> Result<(), ApiError> {
        let attributes = to_item(registration)?;
        self.merge(&pk(crn), &registration_sk(&registration.resource_crn), attributes, &[]).await
    }

    /// The registrations of a key.
    pub async fn registrations(&self, crn: &KeyCrn) -> Result<Vec<Registration>, ApiError> {
        Ok(standing(self.partition(&pk(crn), REGISTRATION).await?))
    }

    /// The registrations of all keys of an instance.
    pub async fn all_registrations(&self, instance: InstanceId) -> Result<Vec<Registration>, ApiError> {
        Ok(standing(self.scan(instance, "begins_with(sk, :kind)", REGISTRATION).await?))
    }
}

/// The registrations that stand, without those that were deleted or are not counted yet, and without items that are
/// none: they must not hide those that are.
fn standing(mut items: Vec<Item>) -> Vec<Registration> {
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
