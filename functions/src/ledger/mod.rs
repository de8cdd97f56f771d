//! The ledger: the DynamoDB table with the window and the transactional outbox of every key.
//!
//! One item per key holds the window, the outbox and the last known state, so that each step is one
//! conditional write:
//!
//! ```text
//!   claim ──────────────▶ deliver ──────────────▶ confirm
//!   window closed,        callbacks, in           settled services leave
//!   outbox filled,        parallel                the outbox; the rest gets a
//!   one UpdateItem                                next attempt; one UpdateItem
//! ```
//!
//! After the claim, a process may die at any point: the outbox (`pending`, `due_at`) lists the
//! unsettled services, and `redeliver` leases and delivers the notification (`due` → `lease` →
//! deliver → confirm).
//!
//! `read` and `replay` are for the operator's command, `keysyncctl`, and so are the writes of
//! `pause`.

mod acknowledge;
mod acknowledgement;
mod claim;
mod confirm;
mod conflict;
mod deadline;
mod due;
mod error;
mod expression;
mod get;
pub mod item;
mod lease;
#[cfg(test)]
mod no_silence;
mod pause;
mod pause_cache;
mod purge;
mod read;
mod record;
pub mod registration;
mod replay;
mod resolve;
mod status;
#[cfg(test)]
mod stub;
mod thin;
mod typed_json;
mod update;

use std::{str::FromStr, time::Duration};

use aws_sdk_dynamodb::{Client, config::StalledStreamProtectionConfig};

use crate::{
    excerpt::excerpt,
    http_client::aws::{CallLimits, with_limits},
};

pub use acknowledge::Acknowledged;
pub use acknowledgement::{Acknowledgement, Acknowledgements};
pub use claim::{ClaimError, ClaimRequest, Claimed};
pub use confirm::{Confirmed, Settled, Settlement};
pub use deadline::{Deadline, Finding, FindingKind, Notified};
pub use due::{Awaits, DueCursor, DueKey, DuePage, WaitingPage};
pub use error::LedgerError;
pub use item::{KeyRecord, Notification};
pub use pause::{Pause, PauseChange, Pauses, Resumption};
pub use pause_cache::PauseCache;
pub use purge::Purged;
pub use read::{ScanCursor, ScanPage, Stored, StoredKey, StoredPartition};
pub use record::{LifecycleChange, Recorded};
pub use registration::{Counted, MAX_SERVICES, RegistrationChange};
pub use replay::{MAX_REPLAYED_SERVICES, ReplayRequest, Replayed};
pub use status::{NotificationStatus, ServiceStatus, Status};

/// The limits of a call to DynamoDB, whose healthy responses take less than 20 ms. A lost response
/// or a write conflict takes a second attempt; `claim.rs` explains why that is safe.
const CALL_LIMITS: CallLimits = CallLimits {
    attempts: 3,
    attempt_timeout: Duration::from_millis(1500),
    call_timeout: Duration::from_secs(5),
};

/// The table and a client whose calls are limited in time.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    /// Makes the first attempt of claims and confirmations.
    thin: Option<thin::Thin>,
}

/// The setting that selects the client of claims and confirmations.
pub const DYNAMODB_CLIENT: &str = "KEYSYNC_DYNAMODB_CLIENT";

/// The client of claims and confirmations. The SDK makes all other calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamoDbClient {
    /// The thin client, and the SDK after any attempt without a clear outcome (`thin/mod.rs`).
    Thin,
    /// The SDK.
    Sdk,
}

impl FromStr for DynamoDbClient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "thin" => Ok(Self::Thin),
            "sdk" => Ok(Self::Sdk),
            _ => Err(format!("must be `thin` or `sdk`: got `{}`", excerpt(text))),
        }
    }
}

impl Ledger {
    /// The ledger in `table`, with the credentials, region and endpoint of `aws`.
    #[must_use]
    pub fn new(aws: &aws_config::SdkConfig, table: String) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(&with_limits(aws, CALL_LIMITS))
            .retry_classifier(conflict::Conflicts)
            // The attempt timeout already limits a slow response.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), table, thin: None }
    }

    /// The same ledger with this client for claims and confirmations. A new ledger uses the SDK.
    #[must_use]
    pub fn with_client(self, client: DynamoDbClient) -> Self {
        let thin = (client == DynamoDbClient::Thin).then(thin::Thin::default);
        Self { thin, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_names_the_client() {
        assert_eq!("thin".parse(), Ok(DynamoDbClient::Thin));
        assert_eq!("sdk".parse(), Ok(DynamoDbClient::Sdk));
        assert!("SDK".parse::<DynamoDbClient>().is_err_and(|error| error.ends_with("got `SDK`")));
    }
}
