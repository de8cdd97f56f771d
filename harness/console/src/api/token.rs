//! Logging in: IAM gives an access token for an API key.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Api, ApiError, answer};

const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";

/// An access token: whose holder may do what its owner may. It never prints itself.
#[derive(Clone)]
pub(crate) struct AccessToken {
    secret: String,
    /// From when on it is worth nothing.
    pub(crate) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expiration: i64,
}

impl Api {
    pub(crate) async fn log_in(&self, api_key: &str) -> Result<AccessToken, ApiError> {
        let url = format!("{}/identity/token", self.addresses.iam);
        let form = [("grant_type", GRANT), ("apikey", api_key)];
        let TokenAnswer { access_token, expiration } = answer(self.http.post(url).form(&form)).await?;
        let expires_at = Timestamp::from_second(expiration).unwrap_or(Timestamp::MIN);
        Ok(AccessToken { secret: access_token, expires_at })
    }
}

impl AccessToken {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// What to call its owner on a page. Nothing is decided by it: the signature is the API's to verify.
    pub(crate) fn owner(&self) -> String {
        let claims = self.secret.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = claims.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let named = ["email", "name", "sub", "iam_id"].iter().find_map(|claim| claims[*claim].as_str());
        named.unwrap_or("somebody").to_owned()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(not shown, until {})", self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_never_what_it_is() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iam_id":"IBMid-1","sub":"me@example.com"}"#);
        let token = |secret: &str| AccessToken { secret: secret.to_owned(), expires_at: Timestamp::MAX };
        let good = token(&format!("header.{claims}.signature"));
        assert_eq!(good.owner(), "me@example.com");
        assert!(!format!("{good:?}").contains(&claims));
        for odd in ["", "no token", "a.b.c", "a..c"] {
            assert_eq!(token(odd).owner(), "somebody", "{odd}");
        }
    }
}
