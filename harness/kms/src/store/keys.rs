//! Keys: the attributes of the ledger, and those that only the emulated KMS uses.

use std::{collections::BTreeSet, time::Duration};

use keysync::{
    domain::{Alias, EpochMillis, InstanceId, KeyCrn, KeyFacts, KeyId, KeyState, KeyType, LifecycleAction},
    ledger::{
        KeyRecord,
        item::{Item, KEY_ITEM, key_pk},
    },
};
use serde::{Deserialize, Serialize};

use super::{KeyPolicy, Store, Version, from_item, pk, to_item};
use crate::ApiError;

/// Period after its deletion in which a key can be restored.
const RESTORABLE: Duration = Duration::from_hours(30 * 24);

/// A key's item.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Attributes of the ledger.
    pub record: KeyRecord,
    /// Attributes of the emulated KMS.
    pub description: Description,
}

/// Attributes of a key that only the emulated KMS uses. Most are missing for a key that was not
/// created here and is known by its events.
///
/// Missing values are not written as null, because a null attribute exists in DynamoDB's
/// conditions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Display name. `None` if the key was not created here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description of the key's purpose.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Time of creation. `None` if the key was not created here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<EpochMillis>,
    /// IAM ID of the creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether the material is imported.
    #[serde(default)]
    pub imported: bool,
    /// Aliases. They are written together with the items of the aliases.
    #[serde(default, skip_serializing)]
    pub aliases: BTreeSet<Alias>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Time at which the key is deactivated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_at: Option<EpochMillis>,
    /// Time of the last change that was not a lifecycle action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<EpochMillis>,
    /// IAM ID of the last caller that deleted the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<String>,
    /// Dual authorization policy: whether two users must authorize a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_auth_delete: Option<KeyPolicy>,
    /// Rotation policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<KeyPolicy>,
    /// First authorization of a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<DeletionAuthorization>,
}

/// Authorization of a key's deletion by the first of two users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeletionAuthorization {
    /// IAM ID of the user.
    pub by: String,
    /// Time at which the authorization expires.
    pub valid_until: EpochMillis,
}

impl StoredKey {
    /// Time of creation, if it is known: from the attributes, or from the event if that is a
    /// creation.
    pub(crate) fn known_created_at(&self) -> Option<EpochMillis> {
        let event = &self.record.event;
        self.description.created_at.or((event.action == LifecycleAction::Create).then_some(event.at))
    }

    /// Time of creation. If that is unknown, the creation of the current version.
    pub(crate) fn created_at(&self) -> EpochMillis {
        self.known_created_at().unwrap_or(self.record.version.created_at)
    }

    /// Time of the last rotation. The first version has the key's ID if the key was created here,
    /// and is always as old as the key.
    pub(crate) fn rotated_at(&self) -> Option<EpochMillis> {
        let KeyRecord { crn, version, .. } = &self.record;
        let is_first = version.id == crn.key.to_string()
            || self.known_created_at().is_some_and(|created_at| version.created_at <= created_at);
        (!is_first).then_some(version.created_at)
    }

    /// Time of the last change of any kind.
    pub(crate) fn updated_at(&self) -> EpochMillis {
        self.record.event.at.max(self.description.updated_at.unwrap_or(EpochMillis::new(0)))
    }

    /// The state at `now`. An active key that has expired is deactivated, without an event.
    pub(crate) fn state(&self, now: EpochMillis) -> KeyState {
        match self.record.state {
            KeyState::Active if self.expired(now) => KeyState::Deactivated,
            state => state,
        }
    }

    /// Whether the key has expired at `now`.
    pub(crate) fn expired(&self, now: EpochMillis) -> bool {
        self.description.expiration_at.is_some_and(|at| at <= now)
    }

    /// Time of the deletion, if the key is deleted.
    pub(crate) fn deleted_at(&self) -> Option<EpochMillis> {
        (self.record.state == KeyState::Destroyed).then_some(self.record.event.at)
    }

    /// Time until which the key can be restored, if it is deleted.
    pub(crate) fn restorable_until(&self) -> Option<EpochMillis> {
        self.deleted_at().map(|at| at.plus(RESTORABLE))
    }

    /// Whether the key is a root key.
    pub(crate) fn is_root(&self) -> bool {
        self.record.key_type == KeyType::Root
    }

    /// The authorization of the deletion, if it is valid at `now`.
    pub(crate) fn authorization(&self, now: EpochMillis) -> Option<&DeletionAuthorization> {
        self.description.authorization.as_ref().filter(|authorization| now < authorization.valid_until)
    }

    /// The facts about the key that events contain.
    pub(crate) fn facts(&self) -> KeyFacts {
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

impl Store {
    /// Stores a new key, its first version and its aliases in one transaction. Fails if an alias is
    /// already in use.
    pub(crate) async fn create_key(
        &self,
        crn: &KeyCrn,
        key: &Description,
        version: &Version,
        at: EpochMillis,
        by: &str,
    ) -> Result<(), ApiError> {
        let mut attributes = to_item(key)?;
        if !key.aliases.is_empty() {
            let names = key.aliases.iter().map(ToString::to_string).collect();
            attributes.insert("aliases".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Ss(names));
        }
        let mut writes =
            vec![self.merged_item(&pk(crn), KEY_ITEM, attributes)?, self.new_version(crn, version)?];
        for alias in &key.aliases {
            writes.push(self.new_alias(crn, alias, at, by)?);
        }
        if self.transact(writes).await? { Ok(()) } else { Err(self.alias_conflict(crn, &key.aliases).await) }
    }

    /// Sets attributes of the emulated KMS on a key's item, and removes others.
    pub(crate) async fn change(
        &self,
        crn: &KeyCrn,
        set: impl Serialize,
        removed: &[&str],
    ) -> Result<(), ApiError> {
        self.merge(&pk(crn), KEY_ITEM, to_item(set)?, removed).await
    }

    /// Finds a key. Fails with `KEY_NOT_FOUND_ERR` if it does not exist or was purged.
    pub async fn get(&self, instance: InstanceId, key: KeyId) -> Result<StoredKey, ApiError> {
        let found = self.item(&key_pk(instance, key), KEY_ITEM).await?;
        let known = found.filter(|item| item.contains_key("crn"));
        let stored = StoredKey::read(known.ok_or_else(ApiError::key_not_found)?)?;
        if stored.record.purged_at.is_some() { Err(ApiError::key_not_found()) } else { Ok(stored) }
    }

    /// All keys of an instance that were not purged, by ID. Invalid items are skipped, so that they
    /// do not prevent access to the others.
    pub async fn list(&self, instance: InstanceId) -> Result<Vec<StoredKey>, ApiError> {
        let items = self.scan(instance, "sk = :kind AND attribute_exists(crn)", KEY_ITEM).await?;
        let mut keys: Vec<_> = items.into_iter().filter_map(|item| StoredKey::read(item).ok()).collect();
        keys.retain(|key| key.record.purged_at.is_none());
        keys.sort_by_key(|key| key.record.crn.key);
        Ok(keys)
    }
}
