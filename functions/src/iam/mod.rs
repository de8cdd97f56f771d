//! Who is asking, and may they? Authentication by the token alone, authorization by asking IAM.

mod access;
mod jwks;
mod key_set;
mod token;

pub use token::{NoSubject, UnverifiedToken};

use access::Access;
use jwks::Jwks;
use token::Verifier;

use crate::{
    clock::Clock,
    domain::{Caller, InstanceCrn, InstanceId, KeyName},
};

/// Why a caller does not pass. The texts are for the operator's log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// Not authentic, or authentic and without the role. The documented service answers 401 to both.
    #[error("not authorized: {0}")]
    Unauthorized(String),
    /// IAM does not answer and nothing usable is cached. Never a pass.
    #[error("IAM is not available: {0}")]
    Unavailable(String),
}

/// Where IAM is and what this service is to it.
#[derive(Clone, Debug)]
pub struct IamSettings {
    /// IAM's address, without a path.
    pub url: url::Url,
    /// The `iss` that tokens must bear.
    pub issuer: String,
    /// The service name in our CRNs: `hs-crypto` or `kms`.
    pub service: String,
    /// The region in our CRNs.
    pub region: String,
}

/// A caller whose token is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Who it is.
    pub caller: Caller,
    /// The instance that was asked about, as one of the caller's account: the only ones it has access to.
    pub instance: InstanceCrn,
}

/// Decides whether a caller may synchronize a key.
#[derive(Debug)]
pub struct Iam {
    verifier: Verifier,
    access: Access,
    service: String,
    region: String,
}

impl Iam {
    /// An IAM client with empty caches; nothing is fetched yet.
    #[must_use]
    pub fn new(settings: IamSettings, http: reqwest::Client, clock: Clock) -> Self {
        let keys = Jwks::new(at(&settings.url, "identity/keys"), http.clone(), clock.clone());
        Self {
            verifier: Verifier::new(settings.issuer, keys, clock.clone()),
            access: Access::new(at(&settings.url, "v2/authz"), http, clock),
            service: settings.service,
            region: settings.region,
        }
    }

    /// Fetches IAM's signing keys, so that the first request finds them there. Takes 3 s at the most; where it
    /// fails, the first request tries again.
    pub async fn fetch_keys_ahead(&self) {
        self.verifier.fetch_keys_ahead().await;
    }

    /// Finds out whose token this is. Whether they may do anything in `instance` is another question.
    pub async fn authenticate(
        &self,
        token: &UnverifiedToken,
        instance: InstanceId,
    ) -> Result<Authenticated, IamError> {
        let claims = self.verifier.verify(token).await?;
        let instance = InstanceCrn {
            service: self.service.clone(),
            region: self.region.clone(),
            account: claims.account.bss,
            instance,
        };
        Ok(Authenticated { caller: claims.iam_id, instance })
    }

    /// Lets the caller pass if it may synchronize `key`.
    ///
    /// The key is not looked up first, so that a caller without access learns nothing about which keys
    /// exist. An alias could stand for any key, so it takes access to the whole instance.
    pub async fn authorize(
        &self,
        who: &Authenticated,
        key: &KeyName,
        token: &UnverifiedToken,
    ) -> Result<(), IamError> {
        let resource = match key {
            KeyName::Id(id) => who.instance.clone().key(*id).to_string(),
            KeyName::Alias(_) => who.instance.to_string(),
        };
        self.access.decide(who.caller.as_str(), resource, token).await
    }
}

fn at(base: &url::Url, path: &str) -> url::Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
