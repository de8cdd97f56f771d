//! Access tokens: issued, optionally with invalid parts, and verified.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use keysync::domain::EpochMillis;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    ISSUER, Iam, IamError, InvalidToken, Principal,
    keys::{SigningKey, SigningKeys},
};
use keysync_emulator_support::secret_scanner::Kind;

/// Time from issue to expiry of a token.
pub(super) const LIFETIME: Duration = Duration::from_hours(1);

/// Builder of an access token. The token is valid unless a method makes it invalid.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    iam: Iam,
    now: EpochMillis,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    unknown_key: bool,
}

impl TokenBuilder {
    pub(super) fn new(iam: Iam, iam_id: &str, now: EpochMillis) -> Self {
        let state = iam.state();
        let (kid, issuer) = (state.keys.current().kid.clone(), state.issuer.clone());
        let (account, now) = (state.directory.account_of(iam_id).unwrap_or_default(), now.plus(state.ahead));
        drop(state);
        let header = json!({"kid": kid, "alg": "RS256", "typ": "JWT"});
        let claims = json!({
            "iss": issuer,
            "sub": iam_id,
            "iam_id": iam_id,
            "id": iam_id,
            "realmid": "IBMid",
            "jti": Uuid::new_v4().to_string(),
            "account": {"valid": true, "bss": account},
            "iat": now.secs(),
            "exp": now.plus(LIFETIME).secs(),
            "scope": "ibm openid",
            "client_id": "default",
            "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
        });
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        Self { iam, now, header: object(header), claims: object(claims), unknown_key: false }
    }

    /// Sets the value of a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a header parameter, such as `kid`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the expiry (`exp`) to this time before the present.
    #[must_use]
    pub fn expired(self, ago: Duration) -> Self {
        let at = self.now.minus(ago).secs();
        self.claim("exp", at)
    }

    /// Sets the start of validity (`nbf`) to this time after the present.
    #[must_use]
    pub fn not_before(self, later: Duration) -> Self {
        let at = self.now.plus(later).secs();
        self.claim("nbf", at)
    }

    /// Signs with a key that IAM does not publish, under the key ID of a published one.
    #[must_use]
    pub fn signed_with_unknown_key(self) -> Self {
        Self { unknown_key: true, ..self }
    }

    /// Builds the token.
    pub fn build(&self) -> Result<String, IamError> {
        let unknown_key = self.unknown_key.then(SigningKey::generate).transpose()?;
        let (header, claims) = (json!(self.header).to_string(), json!(self.claims).to_string());
        signed(&self.iam, header.as_bytes(), claims.as_bytes(), unknown_key.as_ref())
    }
}

/// Encodes a token from these bytes and signs it with `unknown_key`, or with the current key of
/// `iam` if that is `None`.
pub(super) fn signed(
    iam: &Iam,
    header: &[u8],
    claims: &[u8],
    unknown_key: Option<&SigningKey>,
) -> Result<String, IamError> {
    let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = match unknown_key {
        Some(key) => key.sign(message.as_bytes())?,
        None => iam.state().keys.current().sign(message.as_bytes())?,
    };
    let signature = encoded(&signature);
    iam.0.secrets.add(Kind::Token, &signature);
    Ok(format!("{message}.{signature}"))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    iam_id: String,
    account: Account,
    exp: u64,
}

#[derive(Deserialize)]
struct Account {
    bss: String,
}

pub(super) fn verify(token: &str, keys: &SigningKeys, now: EpochMillis) -> Result<Principal, InvalidToken> {
    let (message, signature) = token.rsplit_once('.').ok_or(InvalidToken)?;
    let (header, claims) = message.split_once('.').ok_or(InvalidToken)?;
    let header: Header = decode(header)?;
    let key = keys.find(&header.kid).ok_or(InvalidToken)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| InvalidToken)?;
    if header.alg != "RS256" || !key.verifies(message.as_bytes(), &signature) {
        return Err(InvalidToken);
    }
    let claims: Claims = decode(claims)?;
    if claims.iss != ISSUER || claims.exp + 60 <= now.secs() {
        return Err(InvalidToken);
    }
    Ok(Principal { iam_id: claims.iam_id, account: claims.account.bss })
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, InvalidToken> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken)?;
    serde_json::from_slice(&json).map_err(|_| InvalidToken)
}
