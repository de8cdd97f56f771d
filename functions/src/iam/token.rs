//! Verification of access tokens: JWTs signed with RS256, following RFC 8725.
//!
//! The verifier determines the algorithm, never the token. The key comes from IAM's published set
//! by its `kid`; keys in the token (`jwk`, `jku`, `x5u`, `x5c`) are ignored. The crate jsonwebtoken
//! only checks the signature. Its parser accepts an object as an algorithm and a list as an issuer,
//! and it reads the system clock instead of a [`Clock`], so header and claims are parsed by
//! [`strict_json`]. `docs/explanation/security-standards.md` covers RFC 8725 point by point.

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{IamError, jwks::Jwks, signature::Signatures};
use crate::{
    clock::Clock,
    domain::{Caller, is_word},
    strict_json,
};

/// The maximum length of a token, in bytes (`docs/reference/limits.md#token-size`).
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The accepted difference between the clocks of IAM and this service
/// (`docs/reference/limits.md#leeway`).
const LEEWAY: Duration = Duration::from_mins(1);

/// The maximum length of the logged cause of an invalid token, in characters
/// (`docs/reference/limits.md#reason-log`).
const MAX_REASON_CHARS: usize = 200;

/// The maximum length of a logged name of another algorithm, in characters.
const MAX_ALGORITHM_CHARS: usize = 20;

/// The accepted values of `typ`, case-insensitive. It may be absent (RFC 7519, section 5.1; RFC
/// 9068, section 2.1).
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// The only accepted algorithm (`docs/reference/limits.md#algorithm`).
const ALGORITHM: &str = "RS256";

/// The maximum length of an account id, in bytes. IAM's have 32
/// (`docs/reference/limits.md#account`).
const MAX_ACCOUNT_BYTES: usize = 128;

/// A bearer token before verification. `Debug` does not print it, and it is erased from memory when
/// dropped.
#[derive(Clone)]
pub struct UnverifiedToken(Zeroizing<String>);

/// The `authorization` header has no token with a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no subject can be read from the `authorization` header; send `Bearer <IAM access token>`")]
pub struct NoSubject;

impl UnverifiedToken {
    /// Parses an `authorization` header: `Bearer`, case-insensitive, and text in the format of a
    /// JWT with a subject. A token that is too long is accepted here and rejected by the
    /// verification.
    pub fn from_authorization(value: &str) -> Result<Self, NoSubject> {
        let (scheme, token) = value.split_once(' ').ok_or(NoSubject)?;
        let token = token.trim();
        if scheme.eq_ignore_ascii_case("bearer") && (token.len() > MAX_TOKEN_BYTES || has_subject(token)) {
            Ok(Self(Zeroizing::new(token.to_owned())))
        } else {
            Err(NoSubject)
        }
    }

    /// The token itself, to be sent to IAM only.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnverifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedToken(…)")
    }
}

fn has_subject(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let Some(Segments { claims, .. }) = Segments::parse(token) else { return false };
    let Ok(claims) = BASE64_URL_SAFE_NO_PAD.decode(claims) else { return false };
    // Invalid UTF-8 must not hide the subject: the verification rejects such a token with 401.
    strict_json::from_str(&String::from_utf8_lossy(&claims)).is_ok_and(|Subject { sub }| !sub.is_empty())
}

/// The three parts of a token in base64, and the part that is signed.
struct Segments<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Segments<'a> {
    fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some(Self { header, claims, signature, signed })
    }
}

/// The parameters of a token's header that are checked (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, deserialize_with = "strict_json::not_null")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "strict_json::not_null")]
    crit: Option<IgnoredAny>,
}

/// The claims of a token. A duplicate claim is an error.
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

/// The account of the subject.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub(super) bss: String,
}

/// Verifies the signature, issuer and times of tokens.
#[derive(Debug)]
pub(super) struct Verifier {
    issuer: String,
    keys: Jwks,
    signatures: Signatures,
    clock: Clock,
}

impl Verifier {
    pub(super) fn new(issuer: String, keys: Jwks, clock: Clock) -> Self {
        Self { issuer, keys, signatures: Signatures::default(), clock }
    }

    pub(super) async fn prefetch_keys(&self) {
        self.keys.prefetch().await;
    }

    pub(super) async fn verify(&self, token: &UnverifiedToken) -> Result<Claims, IamError> {
        let token = token.expose();
        if token.len() > MAX_TOKEN_BYTES {
            return Err(unauthorized(format!(
                "the token has {} bytes, more than {MAX_TOKEN_BYTES}",
                token.len()
            )));
        }
        let Segments { header, claims, signature, signed } = Segments::parse(token)
            .ok_or_else(|| unauthorized("the token does not have three parts".to_owned()))?;
        let header = parse_part("header", header).map_err(unauthorized)?;
        let key = self.keys.key(key_id(header).map_err(unauthorized)?.as_str()).await?;
        self.signatures.verify(&key, signed, signature).map_err(unauthorized)?;
        let claims: Claims = parse_part("claims", claims).map_err(unauthorized)?;
        self.check_issuer_and_subject(&claims)
            .and_then(|()| self.check_times(&claims))
            .map_err(unauthorized)?;
        Ok(claims)
    }

    /// Checks the claims that identify the issuer, the audience, the subject and the account.
    fn check_issuer_and_subject(&self, claims: &Claims) -> Result<(), String> {
        let Claims { iss, sub, account, aud, .. } = claims;
        if *iss != self.issuer {
            return Err("the issuer (iss) is not the configured one".to_owned());
        }
        // IAM's access tokens have no audience; its other tokens have one.
        if aud.is_some() {
            return Err("the token has an audience (aud), so it is not an access token".to_owned());
        }
        if sub.is_empty() {
            return Err("the subject (sub) is empty".to_owned());
        }
        // The account becomes part of the CRN in the request to IAM.
        if !is_word(&account.bss) || account.bss.len() > MAX_ACCOUNT_BYTES {
            return Err("the account id (account.bss) is invalid".to_owned());
        }
        Ok(())
    }

    fn check_times(&self, claims: &Claims) -> Result<(), String> {
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 285 million")]
        let now = self.clock.now().get() as f64 / 1000.0;
        let leeway = LEEWAY.as_secs_f64();
        if claims.exp <= now - leeway {
            return Err(format!("expired (exp) at {} s", claims.exp));
        }
        if claims.iat > now + leeway {
            return Err(format!("issued (iat) in the future, at {} s", claims.iat));
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + leeway) {
            return Err("not yet valid (nbf)".to_owned());
        }
        Ok(())
    }
}

/// Parses the header or the claims from base64.
fn parse_part<T: for<'de> Deserialize<'de>>(name: &str, part: &str) -> Result<T, String> {
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| format!("the {name}: invalid base64url: {error}"))?;
    // The message may quote the token, which any client can choose.
    strict_json::from_slice(&json)
        .map_err(|error| format!("the {name}: {error}").chars().take(MAX_REASON_CHARS).collect())
}

/// Checks the header and returns its key id.
fn key_id(header: Header) -> Result<String, String> {
    if header.alg != ALGORITHM {
        let alg: String = header.alg.chars().take(MAX_ALGORITHM_CHARS).collect();
        return Err(format!("signed with {alg:?} instead of {ALGORITHM}"));
    }
    // The same keys may sign other kinds of tokens, which must not be accepted (RFC 8725, section
    // 3.12).
    let is_access_token =
        |typ: &String| TOKEN_TYPES.iter().any(|expected| typ.eq_ignore_ascii_case(expected));
    if !header.typ.as_ref().is_none_or(is_access_token) {
        return Err("the type (typ) is not that of an access token".to_owned());
    }
    if header.crit.is_some() {
        return Err("the header has critical extensions (crit)".to_owned());
    }
    Ok(header.kid)
}

fn unauthorized(reason: String) -> IamError {
    IamError::Unauthorized(reason)
}

#[cfg(test)]
mod tests;
