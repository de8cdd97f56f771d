//! The import token of an instance: there is one at most.

use keysync::domain::{EpochMillis, InstanceId};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::endpoint::{ApiError, crypto::TransportKey};

const IMPORT_TOKEN_ITEM: &str = "import_token";

/// A key pair by which material comes into the service unseen, and how often and long it can be used.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::endpoint) struct ImportToken {
    pub(in crate::endpoint) transport: TransportKey,
    pub(in crate::endpoint) created_at: EpochMillis,
    pub(in crate::endpoint) valid_until: EpochMillis,
    /// Seconds from its creation to its end.
    pub(in crate::endpoint) expiration: u32,
    pub(in crate::endpoint) max_allowed_retrievals: u32,
    pub(in crate::endpoint) remaining_retrievals: u32,
}

impl Store {
    pub(in crate::endpoint) async fn set_import_token(
        &self,
        instance: InstanceId,
        token: &ImportToken,
    ) -> Result<(), ApiError> {
        self.put(&token_pk(instance), IMPORT_TOKEN_ITEM, token).await
    }

    pub(in crate::endpoint) async fn import_token(
        &self,
        instance: InstanceId,
    ) -> Result<Option<ImportToken>, ApiError> {
        self.read(&token_pk(instance), IMPORT_TOKEN_ITEM).await
    }
}

fn token_pk(instance: InstanceId) -> String {
    format!("{instance}#import_token")
}
