//! The clients of the table. They need no signing keys, so that a function can read the pauses
//! while it fetches those.

use aws_config::SdkConfig;

use crate::{
    config::CommonConfig,
    ledger::{Ledger, PauseCache},
};

/// The ledger, and what a process remembers of it.
#[derive(Debug)]
pub struct Table {
    pub(super) ledger: Ledger,
    pub(super) pauses: PauseCache,
}

impl Table {
    /// Builds the clients without any network call.
    #[must_use]
    pub fn new(config: &CommonConfig, aws: &SdkConfig) -> Self {
        Self {
            ledger: Ledger::new(aws, config.table.clone()).with_client(config.dynamodb_client),
            pauses: PauseCache::new(config.registry.paused()),
        }
    }

    /// Reads during init what the first deliveries would have to wait for.
    pub async fn prefetch(&self) {
        // On the heap: the future of a whole init would be large.
        Box::pin(self.pauses.prefetch(&self.ledger)).await;
    }
}
