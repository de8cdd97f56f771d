//! Keys: what the ledger knows of them, and beside it what the endpoint alone does.

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

/// How long after its deletion a key can be restored.
const RESTORABLE: Duration = Duration::from_hours(30 * 24);

/// A key's item: what the ledger knows, and what the endpoint alone does.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// What the ledger knows.
    pub record: KeyRecord,
    /// What the endpoint knows.
    pub description: Description,
}

/// What the endpoint alone knows of a key. Of one that it did not make, and knows by its events, that is little.
///
/// What is not there is left out: to DynamoDB's conditions an attribute that is null exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Its name, for people; none where the endpoint did not make the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it was made, by the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<EpochMillis>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether its material came from outside.
    #[serde(default)]
    pub imported: bool,
    /// Its other names. Written with the aliases' own items.
    #[serde(default, skip_serializing)]
    pub aliases: BTreeSet<Alias>,
    /// What people sort it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// From when on it protects nothing new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_at: Option<EpochMillis>,
    /// When something was changed in it that is no lifecycle action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<EpochMillis>,
    /// Who deleted it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<String>,
    /// Whether two have to agree to its deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_auth_delete: Option<KeyPolicy>,
    /// How often it should be rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<KeyPolicy>,
    /// The first of the two who agree to its deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<DeletionAuthorization>,
}

/// Somebody agreed to the deletion of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeletionAuthorization {
    /// Who.
    pub by: String,
    /// From when on that counts no longer.
    pub valid_until: EpochMillis,
}

impl StoredKey {
    /// When it was made, where that is known: by the endpoint, or by its only event so far.
    pub(crate) fn made_at(&self) -> Option<EpochMillis> {
        let event = &self.record.event;
        self.description.created_at.or((event.action == LifecycleAction::Create).then_some(event.at))
    }

    /// When it was made; as much as is known of that.
    pub(crate) fn created_at(&self) -> EpochMillis {
        self.made_at().unwrap_or(self.record.version.created_at)
    }

    /// When it was last rotated, if ever. The first version bears the key's own id where the endpoint made it, and is
    /// as old as the key in any case.
    pub(crate) fn rotated_at(&self) -> Option<EpochMillis> {
        let KeyRecord { crn, version, .. } = &self.record;
        let is_first = version.id == crn.key.to_string()
            || self.made_at().is_some_and(|made_at| version.created_at <= made_at);
        (!is_first).then_some(version.created_at)
    }

    /// When anything of it was changed last.
    pub(crate) fn updated_at(&self) -> EpochMillis {
        self.record.event.at.max(self.description.updated_at.unwrap_or(EpochMillis::new(0)))
    }

    /// Its state at `now`: an active key whose time is up is deactivated, without an event.
    pub(crate) fn state(&self, now: EpochMillis) -> KeyState {
        match self.record.state {
            KeyState::Active if self.expired(now) => KeyState::Deactivated,
            state => state,
        }
    }

    /// Whether its time is up at `now`.
    pub(crate) fn expired(&self, now: EpochMillis) -> bool {
        self.description.expiration_at.is_some_and(|at| at <= now)
    }

    /// When it was deleted, if it is.
    pub(crate) fn deleted_at(&self) -> Option<EpochMillis> {
        (self.record.state == KeyState::Destroyed).then_some(self.record.event.at)
    }

    /// Until when it can be restored, if it is deleted.
    pub(crate) fn restorable_until(&self) -> Option<EpochMillis> {
        self.deleted_at().map(|at| at.plus(RESTORABLE))
    }

    /// Whether it is a root key.
    pub(crate) fn is_root(&self) -> bool {
        self.record.key_type == KeyType::Root
    }

    /// The authorization of its deletion that counts at `now`.
    pub(crate) fn authorization(&self, now: EpochMillis) -> Option<&DeletionAuthorization> {
        self.description.authorization.as_ref().filter(|authorization| now < authorization.valid_until)
    }

    /// What the key is, as events tell it.
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
    /// Keeps a new key, its first version and its aliases: all of it, or nothing where an alias is taken.
    pub(crate) async fn make(
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
        if self.transact(writes).await? { Ok(()) } else { Err(self.alias_taken(crn, &key.aliases).await) }
    }

    /// Sets attributes of a key's item that are the endpoint's own, and removes others.
    pub(crate) async fn change(
        &self,
        crn: &KeyCrn,
        set: impl Serialize,
        removed: &[&str],
    ) -> Result<(), ApiError> {
        self.merge(&pk(crn), KEY_ITEM, to_item(set)?, removed).await
    }

    /// The key, unless there is none or it was purged.
    pub async fn get(&self, instance: InstanceId, key: KeyId) -> Result<StoredKey, ApiError> {
        let found = self.item(&key_pk(instance, key), KEY_ITEM).await?;
        let known = found.filter(|item| item.contains_key("crn"));
        let stored = StoredKey::read(known.ok_or_else(ApiError::key_not_found)?)?;
        if stored.record.purged_at.is_some() { Err(ApiError::key_not_found()) } else { Ok(stored) }
    }

    /// All keys of an instance that were not purged, by their ids. An item that is no key's is passed over: it must not
    /// hide those that are.
    pub async fn list(&self, instance: InstanceId) -> Result<Vec<StoredKey>, ApiError> {
        let items = self.scan(instance, "sk = :kind AND attribute_exists(crn)", KEY_ITEM).await?;
        let mut keys: Vec<_> = items.into_iter().filter_map(|item| StoredKey::read(item).ok()).collect();
        keys.retain(|key| key.record.purged_at.is_none());
        keys.sort_by_key(|key| key.record.crn.key);
        Ok(keys)
    }
}
