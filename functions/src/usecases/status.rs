//! The use case *status*: the outcome of a key's last notification, for each service.
//!
//! Takes one read of the table, and one more for an alias. Nothing is written.

use super::admission::{Admission, KeyRequest};
use crate::{
    domain::EpochMillis,
    iam::{Action, IamError},
    ledger::{Ledger, LedgerError, NotificationStatus},
    rate_limit::RateLimited,
};

/// The cause of a status that was not read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The caller is not authenticated or not authorized, or IAM is unavailable.
    #[error(transparent)]
    Iam(#[from] IamError),
    /// The caller exceeded the rate limit.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// No key with this CRN and key ring exists, or it was purged.
    #[error("the key does not exist")]
    NotFound,
    /// A call to DynamoDB failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Reads the status at `now` of the last notification of a key.
///
/// The key must have exactly the CRN that IAM permitted (guarantee G10), and be in the requested
/// ring. Otherwise the result is the same as for a key that does not exist.
pub async fn read(
    admission: &Admission,
    ledger: &Ledger,
    request: &KeyRequest,
    now: EpochMillis,
) -> Result<NotificationStatus, StatusError> {
    let authenticated = admission.authenticate(request).await?;
    let action = Action::ListRegistrations;
    let key = admission.authorized_key::<StatusError>(request, &authenticated, action, ledger).await?;
    let status = match key {
        Some(key) => ledger.notification_status(&key, request.ring.as_ref(), now).await?,
        None => None,
    };
    status.ok_or(StatusError::NotFound)
}
