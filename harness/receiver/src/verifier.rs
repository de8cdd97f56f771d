//! Verifying a callback (Standard Webhooks 1.0, asymmetric: `v1a`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use http::HeaderMap;

use crate::{
    Notification, PublicKeyError, Rejected, event, public_key,
    strict::{digits, short},
};

/// How far a callback's timestamp may be from the receiver's clock, either way: 5 minutes.
///
/// ```
/// assert_eq!(keysync_receiver::DEFAULT_TOLERANCE.as_secs(), 300);
/// ```
pub const DEFAULT_TOLERANCE: Duration = Duration::from_mins(5);

/// The size in bytes up to which a body is a callback: 64 KiB. One has about 1,000 bytes. Do not read more than this from the
/// network; [`Verifier::verify`] rejects what is larger.
///
/// ```
/// use keysync_receiver::{MAX_BODY, Verifier, sample};
///
/// let verifier = Verifier::new([sample::PUBLIC_KEY]).unwrap();
/// let rejected = verifier.verify(&sample::headers(), &[b' '; MAX_BODY + 1], sample::signed_at()).unwrap_err();
/// assert_eq!(rejected.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
/// ```
pub const MAX_BODY: usize = 64 * 1024;

/// Bytes of each of the three headers: some forty signatures.
const MAX_HEADER: usize = 4096;

/// Seconds since 1970, for the next 30 million years: a number that all languages have.
const TIMESTAMP_DIGITS: usize = 15;

/// Verifies callbacks of one sender. Cheap to clone, and fit to be shared.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new([sample::PUBLIC_KEY])?;
/// let told = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
/// assert_eq!(told.key_id, "02fd6835-6001-4482-a892-13bd2085f75d");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<VerifyingKey>,
    tolerance: Duration,
}

impl Verifier {
    /// A verifier for the sender that has one of these public keys (`whpk_…`).
    ///
    /// Two keys are for the time in which the sender changes its own: configure old and new one, wait until the sender
    /// signs with the new one, and take out the old one. Nothing is rejected meanwhile.
    ///
    /// A key that is none, or no safe one, is an error here, so that no service starts with it: see [`PublicKeyError`].
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::new([sample::NEXT_PUBLIC_KEY, sample::PUBLIC_KEY])?;
    /// assert!(verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<K: AsRef<str>>(public_keys: impl IntoIterator<Item = K>) -> Result<Self, PublicKeyError> {
        let parse = |(place, key): (usize, K)| public_key::parse(key.as_ref().trim_ascii(), place);
        Self::with((1..).zip(public_keys).map(parse).collect::<Result<Vec<_>, _>>()?)
    }

    /// A verifier for the sender that publishes this key set (RFC 7517), as it does at `/.well-known/jwks.json`. The
    /// set holds the keys that sign: one, or both of them while the sender changes its own. Fetch it anew every few
    /// minutes, or when a callback is rejected for its signature; over TLS, as whoever can change it can forge. Keys of
    /// another kind are passed over.
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::from_jwks(sample::JWKS)?;
    /// assert!(verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_jwks(document: impl AsRef<[u8]>) -> Result<Self, PublicKeyError> {
        Self::with(public_key::parse_set(document.as_ref())?)
    }

    fn with(keys: Vec<VerifyingKey>) -> Result<Self, PublicKeyError> {
        if keys.is_empty() {
            return Err(PublicKeyError::None);
        }
        Ok(Self { keys, tolerance: DEFAULT_TOLERANCE })
    }

    /// Allows timestamps this far from the receiver's clock, either way. The longer, the longer a recorded callback
    /// can be sent again; the shorter, the more exact both clocks have to be.
    ///
    /// ```
    /// use std::time::Duration;
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let strict = Verifier::new([sample::PUBLIC_KEY])?.with_tolerance(Duration::from_secs(30));
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

    /// How far a timestamp may be from the receiver's clock, either way.
    ///
    /// ```
    /// use keysync_receiver::{DEFAULT_TOLERANCE, Verifier, sample};
    ///
    /// assert_eq!(Verifier::new([sample::PUBLIC_KEY]).unwrap().tolerance(), DEFAULT_TOLERANCE);
    /// ```
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.tolerance
    }

    /// Takes a callback if it is the sender's, unchanged and recent, and says what it tells.
    ///
    /// `body` has to be the bytes as they came: the signature is over them and not over what they mean. `now` is
    /// [`SystemTime::now`] but in tests.
    ///
    /// ```
    /// use keysync_receiver::{Verifier, sample};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = Verifier::new([sample::PUBLIC_KEY])?;
    /// let mut changed = sample::BODY.to_vec();
    /// changed.push(b' '); // the same JSON, and not the same bytes
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
        if body.len() > MAX_BODY {
            return Err(Rejected::TooLarge { bytes: body.len() });
        }
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;

        self.is_recent(timestamp, now)?;
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        self.is_genuine(&signed, signatures)?;
        event::read(body, id)
    }

    /// Whether `timestamp` is near `now`.
    fn is_recent(&self, timestamp: &str, now: SystemTime) -> Result<(), Rejected> {
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

    /// Whether one of `signatures` is by one of our keys. There may be several, by keys that we do not know or of kinds
    /// that we cannot verify; one that holds is enough.
    fn is_genuine(&self, signed: &[u8], signatures: &str) -> Result<(), Rejected> {
        let mut readable = signatures.split(' ').filter_map(signature).peekable();
        if readable.peek().is_none() {
            return Err(Rejected::NoSignature);
        }
        let by_us = |signature| self.keys.iter().any(|key| key.verify_strict(signed, &signature).is_ok());
        if readable.any(by_us) { Ok(()) } else { Err(Rejected::Signature) }
    }
}

/// Reads `v1a,<base64>`.
fn signature(text: &str) -> Option<Signature> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("v1a,")?).ok()?;
    Signature::from_slice(&bytes).ok()
}

/// The one value of a header: of two, some would check the one and go by the other.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Rejected> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Rejected::Header(name)) };
    let is_printable = value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
    if value.is_empty() || value.len() > MAX_HEADER || !is_printable {
        return Err(Rejected::Header(name));
    }
    value.to_str().map_err(|_| Rejected::Header(name))
}
