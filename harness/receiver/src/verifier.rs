//! Verification of callbacks (Standard Webhooks 1.0, asymmetric signatures: `v1a`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use http::HeaderMap;

use crate::{
    Notification, PublicKeyError, Rejected, event, public_key,
    strict::{digits, short},
};

/// Default maximum difference between a callback's timestamp and the receiver's clock: 5 minutes.
///
/// ```
/// assert_eq!(keysync_receiver::DEFAULT_TOLERANCE.as_secs(), 300);
/// ```
pub const DEFAULT_TOLERANCE: Duration = Duration::from_mins(5);

/// Maximum size of a body: 64 KiB. A typical body has about 1,000 bytes. Limit the body to
/// this size when you read it from the network; [`Verifier::verify`] rejects larger bodies.
///
/// ```
/// use keysync_receiver::{MAX_BODY, Verifier, sample};
///
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY]).unwrap();
/// let rejected = verifier.verify(&sample::headers(), &[b' '; MAX_BODY + 1], sample::signed_at()).unwrap_err();
/// assert_eq!(rejected.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
/// ```
pub const MAX_BODY: usize = 64 * 1024;

/// Maximum size of each of the three headers in bytes, enough for about forty signatures.
const MAX_HEADER: usize = 4096;

/// Maximum number of digits of a timestamp in seconds, which every language can represent exactly.
const TIMESTAMP_DIGITS: usize = 15;

/// Verifies callbacks of one sender for one service. Cheap to clone, `Send` and `Sync`.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
/// let notification = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
/// assert_eq!(notification.key_id, "02fd6835-6001-4482-a892-13bd2085f75d");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    service: String,
    keys: Vec<VerifyingKey>,
    tolerance: Duration,
}

impl Verifier {
    /// Creates a verifier for `service` with the public keys of the sender (`whpk_…`).
    ///
    /// `service` is the name of your service in CRNs, such as `cloud-object-storage`. All services
    /// know the same public keys, so only the name in the event tells that it is for yours: without
    /// this check, a receiver of another service could send its callbacks on to yours.
    ///
    /// To rotate keys without rejecting callbacks, configure the old and the new key, wait until
    /// the sender signs with the new one, and remove the old one.
    ///
    /// An invalid or unsafe key is an error, so that no service starts with it: see
    /// [`PublicKeyError`].
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::new(sample::SERVICE, [sample::NEXT_PUBLIC_KEY, sample::PUBLIC_KEY])?;
    /// assert!(verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<K: AsRef<str>>(
        service: impl Into<String>,
        public_keys: impl IntoIterator<Item = K>,
    ) -> Result<Self, PublicKeyError> {
        let parse = |(place, key): (usize, K)| public_key::parse(key.as_ref().trim_ascii(), place);
        Self::with(service.into(), (1..).zip(public_keys).map(parse).collect::<Result<Vec<_>, _>>()?)
    }

    /// Creates a verifier for `service` with the key set (RFC 7517) that the sender publishes at
    /// `/.well-known/jwks.json`. The set contains the current signing key, and also the next one
    /// during a key rotation; [`KeySetVerifier`](crate::KeySetVerifier) follows it. Fetch it with
    /// TLS, because a modified key set allows forged callbacks. Other kinds of keys are ignored.
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::from_jwks(sample::SERVICE, sample::JWKS)?;
    /// assert!(verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_jwks(service: impl Into<String>, document: impl AsRef<[u8]>) -> Result<Self, PublicKeyError> {
        Self::with(service.into(), public_key::parse_set(document.as_ref())?)
    }

    fn with(service: String, keys: Vec<VerifyingKey>) -> Result<Self, PublicKeyError> {
        Ok(Self { keys: public_key::at_least_one(keys)?, ..Self::without_keys(service) })
    }

    pub(crate) fn without_keys(service: String) -> Self {
        Self { service, keys: Vec::new(), tolerance: DEFAULT_TOLERANCE }
    }

    /// Sets the maximum difference between timestamps and the receiver's clock. A longer tolerance
    /// allows longer replay; a shorter one requires more accurate clocks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let strict = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?.with_tolerance(Duration::from_secs(30));
    /// let later = sample::signed_at() + Duration::from_secs(31);
    /// let rejected = strict.verify(&sample::headers(), sample::BODY, later).unwrap_err();
    /// assert_eq!(rejected.code(), "too-old");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// The maximum difference between timestamps and the receiver's clock.
    ///
    /// ```
    /// use keysync_receiver::{DEFAULT_TOLERANCE, Verifier, sample};
    ///
    /// assert_eq!(Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY]).unwrap().tolerance(), DEFAULT_TOLERANCE);
    /// ```
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.tolerance
    }

    /// Verifies that a callback is from the sender, unchanged, recent and for this service, and
    /// returns its content.
    ///
    /// `body` must be the bytes as received, because the signature covers the bytes. `now` is
    /// [`SystemTime::now`], except in tests.
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
    /// let mut changed = sample::BODY.to_vec();
    /// changed.push(b' '); // the same JSON, but different bytes
    /// let rejected = verifier.verify(&sample::headers(), &changed, sample::signed_at()).unwrap_err();
    /// assert_eq!(rejected.code(), "signature");
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Notification, Rejected> {
        let callback = self.check(headers, body, now)?;
        if !callback.is_signed_by(&self.keys) {
            return Err(Rejected::Signature);
        }
        callback.read()
    }

    /// Checks all that needs no key.
    pub(crate) fn check<'a>(
        &'a self,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: SystemTime,
    ) -> Result<Unverified<'a>, Rejected> {
        if body.len() > MAX_BODY {
            return Err(Rejected::TooLarge { bytes: body.len() });
        }
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;

        self.check_timestamp(timestamp, now)?;
        let signatures: Vec<_> = signatures.split(' ').filter_map(signature).collect();
        if signatures.is_empty() {
            return Err(Rejected::NoSignature);
        }
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        Ok(Unverified { id, body, service: &self.service, signed, signatures })
    }

    /// Checks that `timestamp` is within the tolerance of `now`.
    fn check_timestamp(&self, timestamp: &str, now: SystemTime) -> Result<(), Rejected> {
        let signed_at = digits(timestamp, TIMESTAMP_DIGITS)
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .ok_or_else(|| Rejected::Timestamp(short(timestamp)))?;
        let tolerance = self.tolerance;
        match now.duration_since(signed_at) {
            Ok(by) if by > tolerance => Err(Rejected::TooOld { by, tolerance }),
            Err(ahead) if ahead.duration() > tolerance => {
                Err(Rejected::TooNew { by: ahead.duration(), tolerance })
            }
            _ => Ok(()),
        }
    }
}

/// A callback whose signatures have not been verified.
pub(crate) struct Unverified<'a> {
    id: &'a str,
    body: &'a [u8],
    service: &'a str,
    signed: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Unverified<'_> {
    /// Whether one of the signatures is valid for one of the keys. Others may be by unknown keys.
    pub(crate) fn is_signed_by(&self, keys: &[VerifyingKey]) -> bool {
        let is_valid = |signature| keys.iter().any(|key| key.verify_strict(&self.signed, signature).is_ok());
        self.signatures.iter().any(is_valid)
    }

    /// Parses the event, after the signature was verified.
    pub(crate) fn read(&self) -> Result<Notification, Rejected> {
        event::read(self.body, self.id, self.service)
    }
}

/// Parses `v1a,<base64>`.
fn signature(text: &str) -> Option<Signature> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("v1a,")?).ok()?;
    Signature::from_slice(&bytes).ok()
}

/// The value of a header, which must be unique: with two values, parsers could disagree on which
/// one counts.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Rejected> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Rejected::Header(name)) };
    let is_printable = value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
    if value.is_empty() || value.len() > MAX_HEADER || !is_printable {
        return Err(Rejected::Header(name));
    }
    value.to_str().map_err(|_| Rejected::Header(name))
}
