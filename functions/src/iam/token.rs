//! Access tokens: JWTs signed with RS256, verified as RFC 8725 asks.
//!
//! The algorithm is ours to choose, never the token's. The key comes from IAM's published set by its
//! `kid`; keys that a token brings itself (`jwk`, `jku`, `x5u`, `x5c`) are not looked at. Times are
//! compared with [`Clock`], so jsonwebtoken's own reading of the system clock is switched off.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};

use super::{IamError, jwks::Jwks};
use crate::clock::Clock;

/// The longest token that is looked at, in bytes (contract section 3).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the clocks of IAM and of this service may be apart (contract section 3).
const LEEWAY: Duration = Duration::from_mins(1);

/// A bearer token that nobody has checked yet.
#[derive(Clone)]
pub struct UnverifiedToken(String);

/// No subject can be read from the `authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no subject can be read from the `authorization` header; send `Bearer <IAM access token>`")]
pub struct NoSubject;

impl UnverifiedToken {
    /// Takes the token from an `authorization` header: `Bearer`, in any case, and something that has
    /// the form of a JWT with a subject. Too long a token is kept and refused on verification.
    pub fn from_authorization(value: &str) -> Result<Self, NoSubject> {
        let (scheme, token) = value.split_once(' ').ok_or(NoSubject)?;
        let token = token.trim();
        if scheme.eq_ignore_ascii_case("bearer") && (token.len() > MAX_TOKEN_BYTES || names_a_subject(token))
        {
            Ok(Self(token.to_owned()))
        } else {
            Err(NoSubject)
        }
    }

    /// The token itself, for IAM's eyes only.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnverifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedToken(…)")
    }
}

fn names_a_subject(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let mut segments = token.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return false;
    };
    BASE64_URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .is_some_and(|Subject { sub }| !sub.is_empty())
}

/// An authenticated caller, by IAM id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caller(String);

impl Caller {
    /// The caller with this IAM id.
    #[must_use]
    pub fn new(iam_id: String) -> Self {
        Self(iam_id)
    }

    /// The IAM id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a verified token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iam_id: String,
    pub(super) account: Account,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
}

/// The account that the subject acts in.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub(super) bss: String,
}

/// Checks signatures, issuer and times.
#[derive(Debug)]
pub(super) struct Verifier {
    validation: Validation,
    keys: Jwks,
    clock: Clock,
}

impl Verifier {
    pub(super) fn new(issuer: String, keys: Jwks, clock: Clock) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        validation.validate_aud = false; // IAM's access tokens bear no audience
        validation.validate_exp = false; // times are checked below, by our clock
        validation.validate_nbf = false;
        Self { validation, keys, clock }
    }

    pub(super) async fn fetch_keys_ahead(&self) {
        self.keys.fetch_ahead().await;
    }

    pub(super) async fn verify(&self, token: &UnverifiedToken) -> Result<Claims, IamError> {
        let token = token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(unauthorized(format!("the token has {} bytes, over {MAX_TOKEN_BYTES}", token.len())));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| unauthorized(error.to_string()))?;
        if header.alg != Algorithm::RS256 {
            return Err(unauthorized(format!("signed with {:?}, not RS256", header.alg)));
        }
        if header.crit.is_some() {
            return Err(unauthorized("its header has critical extensions".to_owned()));
        }
        let kid = header.kid.ok_or_else(|| unauthorized("its header names no key (kid)".to_owned()))?;
        let key = self.keys.key(&kid).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation)
            .map_err(|error| unauthorized(error.to_string()))?
            .claims;
        self.in_time(&claims)?;
        Ok(claims)
    }

    fn in_time(&self, claims: &Claims) -> Result<(), IamError> {
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let now = self.clock.now().get() as f64 / 1000.0;
        let leeway = LEEWAY.as_secs_f64();
        if claims.exp <= now - leeway {
            return Err(unauthorized(format!("expired at {} s", claims.exp)));
        }
        if claims.iat > now + leeway {
            return Err(unauthorized(format!("issued in the future, at {} s", claims.iat)));
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + leeway) {
            return Err(unauthorized("not valid yet".to_owned()));
        }
        Ok(())
    }
}

fn unauthorized(why: String) -> IamError {
    IamError::Unauthorized(why)
}
