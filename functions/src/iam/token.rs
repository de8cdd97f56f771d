//! Access tokens: JWTs signed with RS256, verified as RFC 8725 asks.
//!
//! The algorithm is ours to choose, never the token's. The key comes from IAM's published set by its
//! `kid`; keys that a token brings itself (`jwk`, `jku`, `x5u`, `x5c`) are not looked at. jsonwebtoken
//! checks the signature and no claim: it takes a list of issuers for one, and times by the system's clock,
//! where this service has a [`Clock`]. `docs/security.md` goes through RFC 8725 point by point.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{IamError, jwks::Jwks};
use crate::{clock::Clock, key::is_word};

/// The longest token that is looked at, in bytes (contract section 3).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the clocks of IAM and of this service may be apart (contract section 3).
const LEEWAY: Duration = Duration::from_mins(1);

/// How much is logged of what is wrong with a token, in characters.
const MAX_REASON_CHARS: usize = 200;

/// What a token may say that it is, if it says so at all; in any case (RFC 7519, section 5.1; RFC 9068).
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// The longest IAM id, in bytes: it stands in logs, audit events and items.
const MAX_IAM_ID_BYTES: usize = 256;

/// A bearer token that nobody has checked yet. It does not print itself, and leaves no copy in memory.
#[derive(Clone)]
pub struct UnverifiedToken(Zeroizing<String>);

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
            Ok(Self(Zeroizing::new(token.to_owned())))
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

/// What a verified token says. A claim that is there twice does not read.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iam_id: String,
    pub(super) account: Account,
    iss: String,
    sub: String,
    aud: Option<IgnoredAny>,
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
    issuer: String,
    signature: Validation,
    keys: Jwks,
    clock: Clock,
}

impl Verifier {
    pub(super) fn new(issuer: String, keys: Jwks, clock: Clock) -> Self {
        let mut signature = Validation::new(Algorithm::RS256);
        signature.required_spec_claims.clear();
        signature.validate_aud = false;
        signature.validate_exp = false;
        Self { issuer, signature, keys, clock }
    }

    pub(super) async fn fetch_keys_ahead(&self) {
        self.keys.fetch_ahead().await;
    }

    pub(super) async fn verify(&self, token: &UnverifiedToken) -> Result<Claims, IamError> {
        let token = token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(unauthorized(format!("the token has {} bytes, over {MAX_TOKEN_BYTES}", token.len())));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| unauthorized(brief(&error)))?;
        let key = self.keys.key(key_id(header).map_err(unauthorized)?.as_str()).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.signature)
            .map_err(|error| unauthorized(brief(&error)))?
            .claims;
        self.is_ours(&claims).and_then(|()| self.is_in_time(&claims)).map_err(unauthorized)?;
        Ok(claims)
    }

    /// From our IAM, about somebody, and for us.
    fn is_ours(&self, claims: &Claims) -> Result<(), String> {
        let Claims { iss, sub, iam_id, account, aud, .. } = claims;
        if *iss != self.issuer {
            return Err("from another issuer".to_owned());
        }
        // IAM's access tokens have no audience; its other tokens are for somebody else.
        if aud.is_some() {
            return Err("for another audience (aud): not an access token".to_owned());
        }
        let is_id =
            !iam_id.is_empty() && iam_id.len() <= MAX_IAM_ID_BYTES && !iam_id.contains(char::is_control);
        if sub.is_empty() || !is_id {
            return Err("its subject is no name (sub, iam_id)".to_owned());
        }
        // It goes into the CRN that IAM is asked about.
        if !is_word(&account.bss) {
            return Err("its account is no name (account.bss)".to_owned());
        }
        Ok(())
    }

    fn is_in_time(&self, claims: &Claims) -> Result<(), String> {
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let now = self.clock.now().get() as f64 / 1000.0;
        let leeway = LEEWAY.as_secs_f64();
        if claims.exp <= now - leeway {
            return Err(format!("expired at {} s", claims.exp));
        }
        if claims.iat > now + leeway {
            return Err(format!("issued in the future, at {} s", claims.iat));
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + leeway) {
            return Err("not valid yet".to_owned());
        }
        Ok(())
    }
}

/// The key that a token says it was signed with, if it says nothing else that matters.
fn key_id(header: Header) -> Result<String, String> {
    if header.alg != Algorithm::RS256 {
        return Err(format!("signed with {:?}, not RS256", header.alg));
    }
    // What the token is has to be told from what else the same keys may sign (RFC 8725, section 3.12).
    let is_access_token =
        |typ: &String| TOKEN_TYPES.iter().any(|expected| typ.eq_ignore_ascii_case(expected));
    if !header.typ.as_ref().is_none_or(is_access_token) {
        return Err("its header says that it is no access token (typ)".to_owned());
    }
    if header.crit.is_some() {
        return Err("its header has critical extensions".to_owned());
    }
    header.kid.ok_or_else(|| "its header names no key (kid)".to_owned())
}

/// What is wrong with a token, for the log. It may repeat what the token says, which is anybody's to choose.
fn brief(error: &jsonwebtoken::errors::Error) -> String {
    error.to_string().chars().take(MAX_REASON_CHARS).collect()
}

fn unauthorized(why: String) -> IamError {
    IamError::Unauthorized(why)
}
