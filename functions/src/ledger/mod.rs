//! The ledger: the DynamoDB table that decides who may notify, and remembers what is still to be told.
//!
//! One item per key holds the window, the outbox and the last known state, so that one conditional
//! write decides everything and there is nothing to keep consistent with anything else:
//!
//! ```text
//!   claim ──────────────▶ deliver ──────────────▶ confirm
//!   window closed,        callbacks, in           what was settled leaves
//!   outbox filled,        parallel                the outbox; the rest gets
//!   one UpdateItem                                its next try; one UpdateItem
//! ```
//!
//! From the moment the claim is written, a process may die anywhere: the outbox (`pending`, `due_at`)
//! says what is left to do, and any other process can take it up (`due` → `lease` → deliver → confirm).

mod acknowledge;
mod claim;
mod confirm;
mod conflict;
mod due;
mod error;
mod expression;
pub mod item;
mod lease;
mod purge;
mod record;
pub mod registration;
mod resolve;
mod update;

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig},
};

pub use acknowledge::Acknowledged;
pub use claim::{ClaimError, ClaimRequest, Claimed};
pub use confirm::{Settled, Settlement};
pub use due::{DueCursor, DueKey, DuePage, WaitingPage};
pub use error::LedgerError;
pub use item::{KeyRecord, Notification};
pub use purge::Purged;
pub use record::{LifecycleChange, Recorded};
pub use registration::{Counted, MAX_SERVICES, RegistrationChange};

/// One try at a call, answer included. A healthy DynamoDB answers in under 20 ms.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// All tries at a call together.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries at a call. A lost answer takes a second one; see `claim.rs` for why that is safe. So does a conflict (`conflict.rs`).
const ATTEMPTS: u32 = 3;

/// The table, through a client that is bound in time.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    /// The ledger in `table`, with credentials, region and endpoint of `aws`.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, table: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = aws_sdk_dynamodb::config::Builder::from(aws)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_classifier(conflict::Conflicts)
            .timeout_config(timeouts)
            // Each try has an end, however slowly bytes come.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), table }
    }
}
