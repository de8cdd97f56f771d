//! Login: IAM issues an access token for an API key.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Api, ApiError, fetch, send};

const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";

/// A bearer token. `Debug` does not print it.
#[derive(Clone)]
pub(crate) struct AccessToken {
    secret: String,
    /// Expiry.
    pub(crate) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expiration: i64,
}

impl Api {
    pub(crate) async fn log_in(&self, api_key: &str) -> Result<AccessToken, ApiError> {
        let url = format!("{}/identity/token", self.addresses.iam);
        let form = [("grant_type", GRANT), ("apikey", api_key)];
        let TokenResponse { access_token, expiration } = fetch(self.http.post(url).form(&form)).await?;
        let expires_at = Timestamp::from_second(expiration).unwrap_or(Timestamp::MIN);
        Ok(AccessToken { secret: access_token, expires_at })
    }
}

impl Api {
    /// Whether the token is not accepted any more, for example because its signing key was
    /// withdrawn. The resource controller distinguishes this from a missing role; the API does not.
    pub(crate) async fn rejects(&self, token: &AccessToken) -> bool {
        let url = format!("{}/v2/resource_instances?limit=1", self.addresses.resource_controller);
        let sent = send(self.http.get(url).bearer_auth(token.secret())).await;
        matches!(sent, Err(ApiError::Rejected(response)) if response.status == StatusCode::UNAUTHORIZED)
    }
}

impl AccessToken {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Display name of the owner. It is not used for access decisions: the API verifies the
    /// signature.
    pub(crate) fn owner(&self) -> String {
        let claims = self.secret.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = claims.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let named = ["email", "name", "sub", "iam_id"].iter().find_map(|claim| claims[*claim].as_str());
        named.unwrap_or("unknown user").to_owned()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(redacted, expires {})", self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_owner_and_hides_its_secret() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iam_id":"IBMid-1","sub":"me@example.com"}"#);
        let token = |secret: &str| AccessToken { secret: secret.to_owned(), expires_at: Timestamp::MAX };
        let good = token(&format!("header.{claims}.signature"));
        assert_eq!(good.owner(), "me@example.com");
        assert!(!format!("{good:?}").contains(&claims));
        for odd in ["", "no token", "a.b.c", "a..c"] {
            assert_eq!(token(odd).owner(), "unknown user", "{odd}");
        }
    }
}
