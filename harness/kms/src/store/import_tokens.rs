//! Import token of an instance, which has at most one.

use keysync::domain::{EpochMillis, InstanceId};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::{ApiError, crypto::TransportKey};

const IMPORT_TOKEN_ITEM: &str = "import_token";

/// A key pair that encrypts imported material, with its expiration and its number of retrievals.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ImportToken {
    pub(crate) transport: TransportKey,
    pub(crate) created_at: EpochMillis,
    pub(crate) valid_until: EpochMillis,
    /// Seconds from creation to expiration.
    pub(crate) expiration: u32,
    pub(crate) max_allowed_retrievals: u32,
    pub(crate) remaining_retrievals: u32,
}

impl Store {
    pub(crate) async fn set_import_token(
        &self,
        instance: InstanceId,
        token: &ImportToken,
    ) -> Result<(), ApiError> {
        self.put(&token_pk(instance), IMPORT_TOKEN_ITEM, token).await
    }

    pub(crate) async fn import_token(&self, instance: InstanceId) -> Result<Option<ImportToken>, ApiError> {
        self.read(&token_pk(instance), IMPORT_TOKEN_ITEM).await
    }
}

fn token_pk(instance: InstanceId) -> String {
    format!("{instance}#import_token")
}
