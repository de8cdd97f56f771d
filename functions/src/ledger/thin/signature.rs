//! Signature Version 4 of an `UpdateItem`, with the key of the day kept.
//!
//! The SDK derives the signing key again for each request: four of the five HMACs. It depends on
//! the secret key, the day, the region and the service only. The derivation and the HMAC are those
//! of `aws-sigv4`; the canonical request here is compared with that crate's (`tests`).

use std::{
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::domain::EpochMillis;

pub(super) const AMZ_DATE: &str = "x-amz-date";
pub(super) const TARGET: &str = "x-amz-target";
pub(super) const UPDATE_ITEM: &str = "DynamoDB_20120810.UpdateItem";
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The signed headers, in the order in which they are signed.
const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";
const SIGNED_WITH_TOKEN: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";

/// The region and service that a signature is valid for.
pub(super) struct Scope {
    region: String,
    service: String,
}

impl Scope {
    /// The scope of the `authorization` header of a signed request.
    pub(super) fn parse(authorization: &str) -> Option<Self> {
        let credential = authorization.strip_prefix(ALGORITHM)?.trim_start().strip_prefix("Credential=")?;
        let mut parts = credential.split(',').next()?.split('/').skip(2);
        let (region, service) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        (parts.next() == Some("aws4_request")).then_some(Self { region, service })
    }
}

/// Signs the requests to one host.
pub(super) struct Signer {
    host: String,
    scope: Scope,
    key: Mutex<Option<DayKey>>,
}

/// The signing key of a day.
struct DayKey {
    credentials: Credentials,
    day: String,
    key: Zeroizing<Vec<u8>>,
}

/// What is signed.
pub(super) struct ToSign<'a> {
    pub(super) credentials: &'a Credentials,
    pub(super) now: SystemTime,
    pub(super) body: &'a [u8],
}

/// The headers of a signature.
pub(super) struct Signed {
    pub(super) date: String,
    pub(super) authorization: String,
}

impl Signer {
    pub(super) fn new(host: String, scope: Scope) -> Self {
        Self { host, scope, key: Mutex::new(None) }
    }

    /// The value of the `host` header.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The signature of a request. `None` for a time that has no date.
    pub(super) fn sign(&self, ToSign { credentials, now, body }: &ToSign<'_>) -> Option<Signed> {
        let date = amz_date(*now)?;
        let day = date.get(..8)?;
        let (token, signed) = match credentials.session_token() {
            Some(token) => (["x-amz-security-token:", token.trim(), "\n"], SIGNED_WITH_TOKEN),
            None => ([""; 3], SIGNED),
        };
        let [token_name, token, token_end] = token;
        let (host, hash) = (&self.host, sha256(body));
        let canonical = Zeroizing::new(format!(
            "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\n{AMZ_DATE}:{date}\n\
             {token_name}{token}{token_end}{TARGET}:{UPDATE_ITEM}\n\n{signed}\n{hash}"
        ));
        let Scope { region, service } = &self.scope;
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let signature = self.signature(credentials, *now, day, &to_sign);
        let access_key = credentials.access_key_id();
        let authorization = format!(
            "{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        );
        Some(Signed { date, authorization })
    }

    /// The signature of `to_sign` with the key of `day`, derived if it is not the last one.
    fn signature(&self, credentials: &Credentials, now: SystemTime, day: &str, to_sign: &str) -> String {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match kept.take() {
            Some(key) if key.day == day && is_same_secret(&key.credentials, credentials) => kept.insert(key),
            _ => {
                let (secret, Scope { region, service }) = (credentials.secret_access_key(), &self.scope);
                let key = generate_signing_key(secret, now, region, service);
                let key = Zeroizing::new(key.as_ref().to_vec());
                kept.insert(DayKey { credentials: credentials.clone(), day: day.to_owned(), key })
            }
        };
        calculate_signature(kept.key.as_slice(), to_sign.as_bytes())
    }
}

/// A time as AWS writes it, `20261128T235950Z`.
fn amz_date(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let text = EpochMillis::new(seconds.checked_mul(1000)?).whole_seconds().to_string();
    Some(text.replace(['-', ':'], ""))
}

/// The instant of such a time.
pub(super) fn parse_amz_date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}").parse().ok()
}

/// Whether the signing key is the same. It does not depend on the session token.
fn is_same_secret(one: &Credentials, other: &Credentials) -> bool {
    one.secret_access_key() == other.secret_access_key()
}

/// The lower-case hexadecimal SHA-256 hash.
fn sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = digest(&SHA256, bytes);
    let digits = hash.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests;
