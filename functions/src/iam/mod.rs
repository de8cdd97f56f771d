//! Who is asking, and may they? Authentication by the token alone, authorization by asking IAM.

mod access;
mod jwks;
mod token;

pub use token::{Caller, NoSubject, UnverifiedToken};

use access::Access;
use jwks::Jwks;
use token::Verifier;

use crate::{
    clock::Clock,
    key::{InstanceCrn, InstanceId, KeyName},
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

/// Decides whether a caller may synchronize a key.
#[derive(Debug)]
pub struct Iam {
    verifier: Verifier,
    access: Access,
    service: String,
    region: String,
}

impl Iam {
    /// An IAM client with empty caches; nothing is fetched before the first request needs it.
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

    /// Lets the token's subject pass if it may synchronize `key` of `instance`.
    ///
    /// The key is not looked up first, so that a caller without access learns nothing about which keys
    /// exist. An alias could stand for any key, so it takes access to the whole instance.
    pub async fn authorize(
        &self,
        token: &UnverifiedToken,
        instance: InstanceId,
        key: &KeyName,
    ) -> Result<Caller, IamError> {
        let claims = self.verifier.verify(token).await?;
        let instance = InstanceCrn {
            service: self.service.clone(),
            region: self.region.clone(),
            account: claims.account.bss,
            instance,
        };
        let resource = match key {
            KeyName::Id(id) => instance.key(*id).to_string(),
            KeyName::Alias(_) => instance.to_string(),
        };
        self.access.decide(&claims.iam_id, resource, token).await?;
        Ok(Caller::new(claims.iam_id))
    }
}

fn at(base: &url::Url, path: &str) -> url::Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
