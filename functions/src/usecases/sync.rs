//! The use case *sync*: authenticate, rate limit, authorize, claim, deliver, confirm.

use super::admission::{Admission, KeyRequest};
use crate::{
    clock::Clock,
    dispatch::Dispatcher,
    domain::{Caller, ClaimId, KeyCrn, KeyId, KeyName},
    iam::{Action, Authenticated, IamError},
    ledger::{ClaimError, ClaimRequest, Claimed, LedgerError},
    rate_limit::RateLimited,
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// Synchronizes the resources that are associated with a key: notifies their services of its latest
/// state.
#[derive(Debug)]
pub struct Synchronizer {
    /// Admits callers.
    pub admission: Admission,
    /// The ledger and the delivery of notifications.
    pub dispatcher: Dispatcher,
    /// The source of the current time.
    pub clock: Clock,
}

/// An accepted sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// The sync claimed this notification: every associated service was notified, or its delivery
    /// is retried.
    Notified(ClaimId),
    /// An idempotent replay of an accepted sync. No service was notified again.
    Replayed,
}

/// The cause of a sync that was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The caller is not authenticated or not authorized, or IAM is unavailable.
    #[error(transparent)]
    Iam(#[from] IamError),
    /// The caller exceeded the rate limit.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The key does not exist or is a standard key, or its window is closed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A call to DynamoDB failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Synced {
    /// The outcome in logs, metrics and audit events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notified(_) => "notified",
            Self::Replayed => "replayed",
        }
    }
}

/// The result of a request with an authenticated caller.
#[derive(Debug)]
pub struct SyncReport {
    /// The caller, and the instance that the request is about.
    pub authenticated: Authenticated,
    /// The key. `None` if an alias was not resolved: it names no key, or none that the caller may
    /// learn.
    pub key: Option<KeyId>,
    /// The sync. An error means that this request closed no window, with one exception: if all
    /// responses of DynamoDB about the claim were lost, an identical request finds the claim
    /// (`ledger/claim.rs`).
    pub result: Result<Synced, SyncError>,
}

impl Synchronizer {
    /// Serves one request. Fails if the caller cannot be authenticated; later failures are part of
    /// the report.
    pub async fn serve(
        &self,
        request: &KeyRequest,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<SyncReport, SyncError> {
        let authenticated = self.admission.authenticate(request).await?;
        let resolved = self.authorized_key(request, &authenticated).await;
        let key = match (&resolved, &request.key) {
            (Ok(KeyCrn { key, .. }), _) | (_, KeyName::Id(key)) => Some(*key),
            (Err(_), KeyName::Alias(_)) => None,
        };
        let result = match resolved {
            Ok(key) => self.notify(request, key, authenticated.caller.clone(), trace, budget).await,
            Err(error) => Err(error),
        };
        Ok(SyncReport { authenticated, key, result })
    }

    /// The CRN of the key that the caller may synchronize.
    async fn authorized_key(
        &self,
        request: &KeyRequest,
        authenticated: &Authenticated,
    ) -> Result<KeyCrn, SyncError> {
        let ledger = &self.dispatcher.ledger;
        let key = self.admission.authorized_key::<SyncError>(request, authenticated, Action::Sync, ledger);
        Ok(key.await?.ok_or(ClaimError::NotFound)?)
    }

    /// Claims, delivers and confirms a notification of `key`.
    async fn notify(
        &self,
        request: &KeyRequest,
        key: KeyCrn,
        caller: Caller,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<Synced, SyncError> {
        let claim = ClaimRequest {
            key,
            ring: request.ring.clone(),
            caller,
            correlation_id: request.correlation_id.clone(),
            claim: ClaimId::unique(),
            now: self.clock.now(),
            lease: budget.lease(),
        };
        match self.dispatcher.ledger.claim(&claim).await? {
            Claimed::Rejected(error) => Err(error.into()),
            Claimed::Replayed => Ok(Synced::Replayed),
            Claimed::Won(notification) => {
                self.dispatcher.deliver_and_confirm(&notification, trace, budget, None).await;
                Ok(Synced::Notified(notification.claim))
            }
        }
    }
}
