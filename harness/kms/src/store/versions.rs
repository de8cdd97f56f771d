//! Versions of keys, with their material.

use aws_sdk_dynamodb::types::TransactWriteItem;
use keysync::{
    domain::{EpochMillis, KeyCrn, KeyVersion},
    ledger::KeyRecord,
};
use serde::{Deserialize, Serialize};

use super::{Store, from_item, pk};
use crate::{ApiError, crypto::Material};

const VERSION: &str = "version#";

/// One version of a key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) created_at: EpochMillis,
    pub(crate) material: Material,
}

impl Version {
    pub(crate) fn of(version: &KeyVersion, material: Material) -> Self {
        Self { id: version.id.clone(), created_at: version.created_at, material }
    }
}

impl Store {
    /// Stores a new version of an existing key.
    pub(crate) async fn add_version(&self, crn: &KeyCrn, version: &Version) -> Result<(), ApiError> {
        self.register_secret(&version.material);
        self.put(&pk(crn), &format!("{VERSION}{}", version.id), version).await
    }

    /// Finds a version of a key by its ID.
    pub(crate) async fn version(&self, crn: &KeyCrn, id: &str) -> Result<Option<Version>, ApiError> {
        self.read(&pk(crn), &format!("{VERSION}{id}")).await
    }

    /// All known versions of a key, newest first, without their material. They include the current
    /// version even if it was created elsewhere and its material is not stored here.
    pub(crate) async fn versions(&self, key: &KeyRecord) -> Result<Vec<KeyVersion>, ApiError> {
        let items = self.partition(&pk(&key.crn), VERSION).await?;
        let mut versions: Vec<KeyVersion> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        if !versions.iter().any(|version| version.id == key.version.id) {
            versions.push(key.version.clone());
        }
        versions.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        Ok(versions)
    }

    /// Deletes the versions of a purged key, with their material.
    pub(crate) async fn delete_versions(&self, crn: &KeyCrn) -> Result<(), ApiError> {
        self.remove_all(&pk(crn), VERSION).await
    }

    pub(super) fn new_version(&self, crn: &KeyCrn, version: &Version) -> Result<TransactWriteItem, ApiError> {
        self.register_secret(&version.material);
        self.new_item(&pk(crn), &format!("{VERSION}{}", version.id), version)
    }
}
