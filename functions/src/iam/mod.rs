//! Authentication with an access token and authorization by IAM.

mod access;
mod jwks;
mod key_set;
mod signature;
mod token;

pub use access::Action;
pub use token::{NoSubject, UnverifiedToken};

use access::Access;
use jwks::Jwks;
use token::Verifier;

use crate::{
    clock::Clock,
    domain::{Caller, InstanceCrn, InstanceId, KeyName},
    http_client::HttpClient,
};

/// The reason why a caller is not admitted. The texts are for the operator's log only.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// The token is invalid, or the caller has no access. The documented service responds to both
    /// with 401.
    #[error("not authorized: {0}")]
    Unauthorized(String),
    /// IAM gave no valid response, and nothing usable is cached. The caller is not admitted.
    #[error("IAM is not available: {0}")]
    Unavailable(String),
}

/// The settings for IAM.
#[derive(Clone, Debug)]
pub struct IamSettings {
    /// The base URL of IAM.
    pub url: url::Url,
    /// The required `iss` of tokens.
    pub issuer: String,
    /// The service name in CRNs of keys: `hs-crypto` or `kms`.
    pub service: String,
    /// The region in CRNs of keys.
    pub region: String,
}

/// The result of authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The caller.
    pub caller: Caller,
    /// The CRN of the requested instance in the caller's own account, the only one it can access.
    pub instance: InstanceCrn,
}

/// Authenticates and authorizes callers.
#[derive(Debug)]
pub struct Iam {
    verifier: Verifier,
    access: Access,
    service: String,
    region: String,
}

impl Iam {
    /// An IAM client with empty caches. Makes no request.
    #[must_use]
    pub fn new(settings: IamSettings, http: HttpClient, clock: Clock) -> Self {
        let keys = Jwks::new(endpoint(&settings.url, "identity/keys"), http.clone(), clock.clone());
        Self {
            verifier: Verifier::new(settings.issuer, keys, clock.clone()),
            access: Access::new(endpoint(&settings.url, "v2/authz"), http, clock),
            service: settings.service,
            region: settings.region,
        }
    }

    /// Fetches IAM's public keys at init, so that the first request does not have to. Takes at most
    /// 3 s; if it fails, the first request fetches them.
    pub async fn prefetch_keys(&self) {
        self.verifier.prefetch_keys().await;
    }

    /// Verifies the token and returns its caller, without checking access to `instance`.
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

    /// Checks that the caller may take `action` on `key`.
    ///
    /// The key is not looked up first, so that a caller without access cannot find out which keys
    /// exist. An alias can name any key, so it requires access to the whole instance.
    pub async fn authorize(
        &self,
        authenticated: &Authenticated,
        action: Action,
        key: &KeyName,
        token: &UnverifiedToken,
    ) -> Result<(), IamError> {
        let resource = match key {
            KeyName::Id(id) => authenticated.instance.clone().key(*id).to_string(),
            KeyName::Alias(_) => authenticated.instance.to_string(),
        };
        self.access.check(authenticated.caller.as_str(), action, resource, token).await
    }
}

fn endpoint(base: &url::Url, path: &str) -> url::Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use httpmock::{
        Method::{GET, POST},
        MockServer,
    };
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn keys_are_fetched_at_init() {
        let server = MockServer::start_async().await;
        let keys = server
            .mock_async(|when, then| {
                when.method(GET).path("/identity/keys");
                then.status(503);
            })
            .await;
        let settings = IamSettings {
            url: server.base_url().parse().unwrap(),
            issuer: "https://iam.example".to_owned(),
            service: "kms".to_owned(),
            region: "us-south".to_owned(),
        };
        let clock = Clock::from_fn(|| crate::domain::EpochMillis::new(1));
        Iam::new(settings, HttpClient::new(), clock).prefetch_keys().await;
        keys.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn key_or_whole_instance_is_authorized() {
        let server = MockServer::start_async().await;
        let settings = IamSettings {
            url: server.base_url().parse().unwrap(),
            issuer: "https://iam.example".to_owned(),
            service: "kms".to_owned(),
            region: "us-south".to_owned(),
        };
        let iam = Iam::new(settings, HttpClient::new(), Clock::system());
        let key: crate::domain::KeyCrn =
            "crn:v1:bluemix:public:kms:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d".parse().unwrap();
        let authenticated =
            Authenticated { caller: "IBMid-1".parse().unwrap(), instance: key.instance.clone() };
        // Only the verification rejects a token that is too long.
        let token = UnverifiedToken::from_authorization(&format!("Bearer {}", "x".repeat(20_000))).unwrap();
        let instance = key.instance.to_string();
        for (name, resource) in
            [(KeyName::Id(key.key), key.to_string()), (KeyName::Alias("payments".parse().unwrap()), instance)]
        {
            let decision = json!({"responses": [{"authorizationDecision": {"permitted": false}}]});
            let decided = server
                .mock_async(|when, then| {
                    when.method(POST).path("/v2/authz").body_includes(format!("\"{resource}\""));
                    then.status(200).json_body(decision);
                })
                .await;
            let denied = iam.authorize(&authenticated, Action::Sync, &name, &token).await;
            assert!(matches!(denied, Err(IamError::Unauthorized(_))), "{denied:?}");
            decided.assert_calls_async(1).await;
            decided.delete_async().await;
        }
    }
}
