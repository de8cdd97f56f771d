//! Registrations: what the endpoint alone knows of them, beside what the ledger counts.

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::{
    key::{EpochMillis, InstanceId, KeyCrn, KeyId, KeyVersion, ResourceCrn},
    ledger::{
        item::Item,
        registration::{REGISTRATION, registration_sk},
    },
};
use serde::{Deserialize, Serialize};

use super::{Store, from_item, pk, to_item};
use crate::endpoint::ApiError;

/// A resource that a key protects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Registration {
    /// The key.
    pub(crate) key_id: KeyId,
    /// The resource.
    pub(crate) resource_crn: ResourceCrn,
    /// What it is.
    pub(crate) description: String,
    /// Whether the key may not be deleted while this registration exists.
    pub(crate) prevent_key_deletion: bool,
    /// When it was made.
    pub(crate) created_at: EpochMillis,
    /// By whom.
    pub(crate) created_by: String,
    /// When it was changed last.
    pub(crate) updated_at: EpochMillis,
    /// By whom.
    pub(crate) updated_by: String,
    /// The version that protects the resource.
    pub(crate) key_version: KeyVersion,
}

impl Store {
    /// Keeps what the endpoint alone knows of a registration, beside what the ledger will know of it.
    pub(crate) async fn describe_registration(
        &self,
        crn: &KeyCrn,
        registration: &Registration,
    ) -> Result<(), ApiError> {
        let attributes = to_item(registration)?;
        self.merge(&pk(crn), &registration_sk(&registration.resource_crn), attributes, &[]).await
    }

    /// The registrations of a key.
    pub(crate) async fn registrations(&self, crn: &KeyCrn) -> Result<Vec<Registration>, ApiError> {
        standing(self.partition(&pk(crn), REGISTRATION).await?)
    }

    /// The registrations of all keys of an instance.
    pub(crate) async fn all_registrations(
        &self,
        instance: InstanceId,
    ) -> Result<Vec<Registration>, ApiError> {
        standing(self.scan(instance, "begins_with(sk, :kind)", REGISTRATION).await?)
    }
}

/// The registrations that stand, without those that were deleted or are not counted yet.
fn standing(mut items: Vec<Item>) -> Result<Vec<Registration>, ApiError> {
    items.retain(|item| item.get("registered") == Some(&AttributeValue::Bool(true)));
    let mut registrations: Vec<Registration> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
    registrations.sort_by(|one, other| {
        (one.key_id, one.created_at, &one.resource_crn).cmp(&(
            other.key_id,
            other.created_at,
            &other.resource_crn,
        ))
    });
    Ok(registrations)
}
