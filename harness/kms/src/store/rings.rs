//! Key rings. The ring `default` always exists and has no item.

use keysync::domain::{EpochMillis, InstanceId, KeyRing};
use serde::{Deserialize, Serialize};

use super::{Store, from_item};
use crate::ApiError;

const RING_ITEM: &str = "ring";

/// A key ring other than `default`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ring {
    pub(crate) id: KeyRing,
    pub(crate) created_at: EpochMillis,
    pub(crate) created_by: String,
}

impl Store {
    /// Stores a new key ring. `Ok(false)` if it already exists.
    pub(crate) async fn create_ring(&self, instance: InstanceId, ring: &Ring) -> Result<bool, ApiError> {
        self.transact(vec![self.new_item(&ring_pk(instance, &ring.id), RING_ITEM, ring)?]).await
    }

    pub(crate) async fn delete_ring(&self, instance: InstanceId, ring: &KeyRing) -> Result<(), ApiError> {
        self.remove(&ring_pk(instance, ring), RING_ITEM).await
    }

    pub(crate) async fn has_ring(&self, instance: InstanceId, ring: &KeyRing) -> Result<bool, ApiError> {
        let is_default = *ring == KeyRing::default();
        Ok(is_default || self.item(&ring_pk(instance, ring), RING_ITEM).await?.is_some())
    }

    /// The key rings except `default`, by ID.
    pub(crate) async fn rings(&self, instance: InstanceId) -> Result<Vec<Ring>, ApiError> {
        let items = self.scan(instance, "sk = :kind", RING_ITEM).await?;
        let mut rings: Vec<Ring> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        rings.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(rings)
    }
}

/// A key ID is never `ring`, so this key does not collide with that of a key's items.
fn ring_pk(instance: InstanceId, ring: &KeyRing) -> String {
    format!("{instance}#ring#{ring}")
}
