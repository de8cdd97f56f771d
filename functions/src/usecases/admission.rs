//! What every request about a key shares: its fields, and the admission of its caller.

use crate::{
    domain::{CorrelationId, InstanceId, KeyCrn, KeyName, KeyRing},
    iam::{Action, Authenticated, Iam, IamError, UnverifiedToken},
    ledger::{Ledger, LedgerError},
    rate_limit::{CallerRateLimiter, RateLimited},
};

/// A well-formed request about a key.
#[derive(Debug)]
pub struct KeyRequest {
    /// The access token of the caller, not yet verified.
    pub token: UnverifiedToken,
    /// The instance that holds the key.
    pub instance: InstanceId,
    /// The key.
    pub key: KeyName,
    /// The key ring that must contain the key, if the caller named one.
    pub ring: Option<KeyRing>,
    /// The correlation id of the caller, or a generated one.
    pub correlation_id: CorrelationId,
}

/// Admits callers: authentication, rate limit, authorization.
#[derive(Debug)]
pub struct Admission {
    /// Authenticates and authorizes callers.
    pub iam: Iam,
    /// Limits the requests of each caller, of all operations together.
    pub callers: CallerRateLimiter,
}

impl Admission {
    /// Authenticates the caller.
    pub(super) async fn authenticate(&self, request: &KeyRequest) -> Result<Authenticated, IamError> {
        self.iam.authenticate(&request.token, request.instance).await
    }

    /// The CRN of the key for which the caller may take `action`; `None` if an alias is unknown.
    ///
    /// An alias is resolved after the authorization, so that a caller without access does not learn
    /// which aliases exist.
    pub(super) async fn authorized_key<E>(
        &self,
        request: &KeyRequest,
        authenticated: &Authenticated,
        action: Action,
        ledger: &Ledger,
    ) -> Result<Option<KeyCrn>, E>
    where
        E: From<RateLimited> + From<IamError> + From<LedgerError>,
    {
        self.callers.check(&authenticated.caller)?;
        self.iam.authorize(authenticated, action, &request.key, &request.token).await?;
        Ok(ledger.resolve(&authenticated.instance, &request.key).await?)
    }
}
