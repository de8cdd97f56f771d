//! Access tokens: JWTs signed with RS256, verified as RFC 8725 asks.
//!
//! The algorithm is ours to choose, never the token's. The key comes from IAM's published set by its
//! `kid`; keys that a token brings itself (`jwk`, `jku`, `x5u`, `x5c`) are not looked at. jsonwebtoken
//! checks the signature and nothing else: it reads a map for an algorithm, takes a list of issuers for one, and
//! times by the system's clock, where this service has a [`Clock`]. Header and claims are read by [`strict_json`].
//! `docs/explanation/security.md` goes through RFC 8725 point by point.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{IamError, jwks::Jwks};
use crate::{
    clock::Clock,
    domain::{Caller, is_word},
    strict_json,
};

/// The longest token that is looked at, in bytes (contract section 3).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the clocks of IAM and of this service may be apart (contract section 3).
const LEEWAY: Duration = Duration::from_mins(1);

/// How much is logged of what is wrong with a token, in characters.
const MAX_REASON_CHARS: usize = 200;

/// How much is logged of another algorithm's name, in characters.
const LONGEST_ALGORITHM: usize = 20;

/// What a token may say that it is, if it says so at all; in any case (RFC 7519, section 5.1; RFC 9068).
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// The one algorithm (contract section 3).
const ALGORITHM: &str = "RS256";

/// The longest account id, in bytes. IAM's have 32.
const MAX_ACCOUNT_BYTES: usize = 128;

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
    let Some(Segments { claims, .. }) = Segments::of(token) else { return false };
    let Ok(claims) = BASE64_URL_SAFE_NO_PAD.decode(claims) else { return false };
    // Bytes that are no UTF-8 hide no subject: the token is refused on verification.
    strict_json::from_str(&String::from_utf8_lossy(&claims)).is_ok_and(|Subject { sub }| !sub.is_empty())
}

/// The three parts of a token, in base64, and what is signed of it.
struct Segments<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Segments<'a> {
    fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some(Self { header, claims, signature, signed })
    }
}

/// The parameters of a token's header that matter (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, deserialize_with = "strict_json::not_null")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "strict_json::not_null")]
    crit: Option<IgnoredAny>,
}

/// What a verified token says. A claim that is there twice does not read.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    #[serde(deserialize_with = "caller")]
    pub(super) iam_id: Caller,
    pub(super) account: Account,
    iss: String,
    sub: String,
    aud: Option<IgnoredAny>,
    exp: f64,
    iat: f64,
    #[serde(default, deserialize_with = "strict_json::not_null")]
    nbf: Option<f64>,
}

fn caller<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Caller, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
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
    keys: Jwks,
    clock: Clock,
}

impl Verifier {
    pub(super) fn new(issuer: String, keys: Jwks, clock: Clock) -> Self {
        Self { issuer, keys, clock }
    }

    pub(super) async fn fetch_keys_ahead(&self) {
        self.keys.fetch_ahead().await;
    }

    pub(super) async fn verify(&self, token: &UnverifiedToken) -> Result<Claims, IamError> {
        let token = token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(unauthorized(format!("the token has {} bytes, over {MAX_TOKEN_BYTES}", token.len())));
        }
        let Segments { header, claims, signature, signed } =
            Segments::of(token).ok_or_else(|| unauthorized("the token has not three parts".to_owned()))?;
        let header = read("header", header).map_err(unauthorized)?;
        let key = self.keys.key(key_id(header).map_err(unauthorized)?.as_str()).await?;
        match crypto::verify(signature, signed.as_bytes(), &key, Algorithm::RS256) {
            Ok(true) => {}
            Ok(false) => return Err(unauthorized("its signature is not valid".to_owned())),
            Err(error) => return Err(unauthorized(format!("its signature cannot be read: {error}"))),
        }
        let claims: Claims = read("claims", claims).map_err(unauthorized)?;
        self.is_ours(&claims).and_then(|()| self.is_in_time(&claims)).map_err(unauthorized)?;
        Ok(claims)
    }

    /// From our IAM, about somebody, and for us.
    fn is_ours(&self, claims: &Claims) -> Result<(), String> {
        let Claims { iss, sub, account, aud, .. } = claims;
        if *iss != self.issuer {
            return Err("from another issuer".to_owned());
        }
        // IAM's access tokens have no audience; its other tokens are for somebody else.
        if aud.is_some() {
            return Err("for another audience (aud): not an access token".to_owned());
        }
        if sub.is_empty() {
            return Err("its subject is empty (sub)".to_owned());
        }
        // It goes into the CRN that IAM is asked about.
        if !is_word(&account.bss) || account.bss.len() > MAX_ACCOUNT_BYTES {
            return Err("its account is no account id (account.bss)".to_owned());
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

/// Header or claims, from base64.
fn read<T: for<'de> Deserialize<'de>>(what: &str, part: &str) -> Result<T, String> {
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| format!("its {what} is no base64url: {error}"))?;
    // What is wrong may repeat what the token says, which is anybody's to choose.
    strict_json::from_slice(&json)
        .map_err(|error| format!("its {what}: {error}").chars().take(MAX_REASON_CHARS).collect())
}

/// The key that a token says it was signed with, if it says nothing else that matters.
fn key_id(header: Header) -> Result<String, String> {
    if header.alg != ALGORITHM {
        let alg: String = header.alg.chars().take(LONGEST_ALGORITHM).collect();
        return Err(format!("signed with {alg:?}, not {ALGORITHM}"));
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
    Ok(header.kid)
}

fn unauthorized(why: String) -> IamError {
    IamError::Unauthorized(why)
}
