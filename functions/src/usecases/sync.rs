//! The use case: authorize → claim → deliver → confirm.

use crate::{
    clock::Clock,
    dispatch::Dispatcher,
    domain::{Caller, ClaimId, CorrelationId, InstanceId, KeyCrn, KeyId, KeyName, KeyRing},
    iam::{Authenticated, Iam, IamError, UnverifiedToken},
    ledger::{ClaimError, ClaimRequest, Claimed, LedgerError},
    rate_limit::{CallerRateLimiter, RateLimited},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// A well-formed request to synchronize a key's associated resources.
#[derive(Debug)]
pub struct SyncRequest {
    /// Who says they are asking.
    pub token: UnverifiedToken,
    /// The instance that holds the key.
    pub instance: InstanceId,
    /// The key.
    pub key: KeyName,
    /// The ring that the key must be in, where the caller named one.
    pub ring: Option<KeyRing>,
    /// The caller's name for this request, or ours.
    pub correlation_id: CorrelationId,
}

/// Synchronizes the resources that are associated with a key.
#[derive(Debug)]
pub struct Synchronizer {
    /// Decides who may.
    pub iam: Iam,
    /// Counts how often.
    pub callers: CallerRateLimiter,
    /// Claims and delivers.
    pub dispatcher: Dispatcher,
    /// Tells the time.
    pub clock: Clock,
}

/// A sync that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// Every associated service was told, or will be.
    Notified(ClaimId),
    /// The caller asked again for a sync that was accepted before; nobody was told twice.
    Replayed,
}

/// Why a sync was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The caller may not, or IAM cannot say.
    #[error(transparent)]
    Iam(#[from] IamError),
    /// The caller asks too often.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The key or its window does not allow it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// DynamoDB did not do its part.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Synced {
    /// In a word, as logs and metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notified(_) => "notified",
            Self::Replayed => "replayed",
        }
    }
}

/// What became of a request whose caller is known.
#[derive(Debug)]
pub struct SyncReport {
    /// The caller.
    pub who: Authenticated,
    /// The key. `None` where only an alias is known of it: it stands for nothing, or the caller may not know.
    pub key: Option<KeyId>,
    /// The sync. An error means that this request closed no window, as far as anybody can know: where
    /// DynamoDB's answers were lost, a repeated request finds out (`ledger/claim.rs`).
    pub result: Result<Synced, SyncError>,
}

impl Synchronizer {
    /// Serves one request. An error means that nobody knows who made it.
    pub async fn serve(
        &self,
        request: &SyncRequest,
        trace: &TraceContext,
        budget: TimeBudget,
    ) -> Result<SyncReport, SyncError> {
        let who = self.iam.authenticate(&request.token, request.instance).await?;
        let found = self.key(request, &who).await;
        let key = match (&found, &request.key) {
            (Ok(KeyCrn { key, .. }), _) | (_, KeyName::Id(key)) => Some(*key),
            (Err(_), KeyName::Alias(_)) => None,
        };
        let result = match found {
            Ok(key) => self.notify(request, key, who.caller.clone(), trace, budget).await,
            Err(error) => Err(error),
        };
        Ok(SyncReport { who, key, result })
    }

    /// The key, if the caller may synchronize it.
    async fn key(&self, request: &SyncRequest, who: &Authenticated) -> Result<KeyCrn, SyncError> {
        self.callers.admit(&who.caller)?;
        self.iam.authorize(who, &request.key, &request.token).await?;
        let key = self.dispatcher.ledger.resolve(&who.instance, &request.key).await?;
        Ok(key.ok_or(ClaimError::NotFound)?)
    }

    async fn notify(
        &self,
        request: &SyncRequest,
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
            Claimed::Refused(why) => Err(why.into()),
            Claimed::Replayed => Ok(Synced::Replayed),
            Claimed::Won(notification) => {
                self.dispatcher.deliver_and_confirm(&notification, trace, budget, None).await;
                Ok(Synced::Notified(notification.claim))
            }
        }
    }
}
