//! The use case: authorize → claim → deliver → confirm.

use crate::{
    clock::Clock,
    deadline::Budget,
    http::SyncRequest,
    iam::{Iam, IamError},
    key::ClaimId,
    ledger::{ClaimError, ClaimRequest, Claimed, LedgerError},
    outbox::Outbox,
};

/// Synchronizes the resources that are associated with a key.
#[derive(Debug)]
pub struct Sync {
    /// Decides who may.
    pub iam: Iam,
    /// Claims and delivers.
    pub outbox: Outbox,
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
    /// The key or its window does not allow it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// DynamoDB did not do its part.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Sync {
    /// Serves one request. An error means that this request closed no window, as far as anybody can
    /// know: where DynamoDB's answers were lost, a repeated request finds out (`ledger/claim.rs`).
    pub async fn serve(&self, request: &SyncRequest, budget: Budget) -> Result<Synced, SyncError> {
        let SyncRequest { token, instance, key: name, ring, correlation_id } = request;
        let caller = self.iam.authorize(token, *instance, name).await?;
        let ledger = &self.outbox.ledger;
        let key = ledger.resolve(*instance, name).await?.ok_or(ClaimError::NotFound)?;
        let claim = ClaimRequest {
            instance: *instance,
            key,
            ring: ring.clone(),
            caller,
            correlation_id: correlation_id.clone(),
            claim: ClaimId::unique(),
            now: self.clock.now(),
            lease: budget.lease(),
        };
        match ledger.claim(&claim).await? {
            Claimed::Refused(why) => Err(why.into()),
            Claimed::Replayed => Ok(Synced::Replayed),
            Claimed::Won(notification) => {
                self.outbox.empty(&notification, budget, None).await;
                Ok(Synced::Notified(notification.claim))
            }
        }
    }
}
