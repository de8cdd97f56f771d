//! Verification with the sender's published key set.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use ed25519_dalek::VerifyingKey;
use http::HeaderMap;

use crate::{Notification, Rejected, Verifier, public_key, strict::short};

/// Maximum size of a key set: 64 KiB. Read no more of it from the network.
///
/// ```
/// assert!(keysync_receiver::sample::JWKS.len() < keysync_receiver::MAX_KEY_SET);
/// ```
pub const MAX_KEY_SET: usize = 64 * 1024;

/// Age at which a key set is fetched again.
const MAX_AGE: Duration = Duration::from_mins(5);

/// Default minimum time between two fetches.
const MIN_PAUSE: Duration = Duration::from_secs(30);

/// A [`Verifier`] that follows the key set which the sender publishes at `/.well-known/jwks.json`.
///
/// The key set is fetched with the first callback, again when it is 5 minutes old, and when a
/// callback has no signature by a known key; at most every 30 s, so that forged callbacks cause few
/// fetches. While it cannot be fetched, the last one stays in use.
///
/// This crate has no HTTP client: `fetch` returns the document. It must end within 2 s,
/// follow no redirect, fail for any status but 200, and read at most [`MAX_KEY_SET`] and one byte.
/// `examples/receiver/fetch.rs` does so with `reqwest`.
///
/// ```
/// use keysync_receiver::{KeySetVerifier, sample};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let fetch = || async { Ok::<_, String>(sample::JWKS) };
/// let verifier = KeySetVerifier::new(sample::SERVICE, fetch);
/// let notification = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).await?;
/// assert_eq!(notification.resource_count, 12);
/// # Ok::<_, keysync_receiver::Rejected>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct KeySetVerifier<F> {
    fetch: F,
    /// It has no keys.
    checks: Verifier,
    min_pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<[VerifyingKey]>>,
    fetched_at: Option<SystemTime>,
    attempted_at: Option<SystemTime>,
    /// The problem of the last fetch.
    error: String,
}

impl<F, R, D, E> KeySetVerifier<F>
where
    F: Fn() -> R,
    R: Future<Output = Result<D, E>>,
    D: AsRef<[u8]>,
    E: Display,
{
    /// Creates a verifier for `service`, the name of your service in CRNs. Fetches nothing yet.
    ///
    /// ```
    /// use keysync_receiver::{KeySetVerifier, sample};
    ///
    /// let verifier = KeySetVerifier::new(sample::SERVICE, || async { Err::<Vec<u8>, _>("no network") });
    /// assert_eq!(verifier.tolerance(), keysync_receiver::DEFAULT_TOLERANCE);
    /// ```
    #[must_use]
    pub fn new(service: impl Into<String>, fetch: F) -> Self {
        let checks = Verifier::without_keys(service.into());
        Self { fetch, checks, min_pause: MIN_PAUSE, state: Mutex::default() }
    }

    /// Sets the [tolerance](Verifier::with_tolerance).
    ///
    /// ```
    /// use std::time::Duration;
    /// use keysync_receiver::{KeySetVerifier, sample};
    ///
    /// let fetch = || async { Ok::<_, String>(sample::JWKS) };
    /// let verifier = KeySetVerifier::new(sample::SERVICE, fetch).with_tolerance(Duration::from_secs(30));
    /// assert_eq!(verifier.tolerance(), Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { checks: self.checks.with_tolerance(tolerance), ..self }
    }

    /// The maximum difference between timestamps and the receiver's clock.
    ///
    /// ```
    /// use keysync_receiver::{DEFAULT_TOLERANCE, KeySetVerifier, sample};
    ///
    /// let verifier = KeySetVerifier::new(sample::SERVICE, || async { Ok::<_, String>(sample::JWKS) });
    /// assert_eq!(verifier.tolerance(), DEFAULT_TOLERANCE);
    /// ```
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.checks.tolerance()
    }

    /// Sets the minimum time between two fetches. With a shorter one, a new key is known earlier,
    /// and forged callbacks cause more fetches.
    ///
    /// ```
    /// use std::time::Duration;
    /// use keysync_receiver::{KeySetVerifier, sample};
    ///
    /// let fetch = || async { Ok::<_, String>(sample::JWKS) };
    /// let verifier = KeySetVerifier::new(sample::SERVICE, fetch).with_min_pause(Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn with_min_pause(self, min_pause: Duration) -> Self {
        Self { min_pause, ..self }
    }

    /// Verifies a callback as [`Verifier::verify`] does. [`Rejected::KeySet`] means that there is
    /// no key set yet.
    ///
    /// ```
    /// use keysync_receiver::{KeySetVerifier, sample};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let verifier = KeySetVerifier::new(sample::SERVICE, || async { Err::<Vec<u8>, _>("no network") });
    /// let rejected = verifier.verify(&sample::headers(), sample::BODY, sample::signed_at()).await.unwrap_err();
    /// assert_eq!((rejected.code(), rejected.status().as_u16()), ("key-set", 503));
    /// # });
    /// ```
    pub async fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Notification, Rejected> {
        let callback = self.checks.check(headers, body, now)?;
        if self.is_old(now) {
            self.update(now).await;
        }
        let known = self.known()?;
        if callback.is_signed_by(&known) {
            return callback.read();
        }
        self.update(now).await;
        let newer = self.known()?;
        if !Arc::ptr_eq(&known, &newer) && callback.is_signed_by(&newer) {
            return callback.read();
        }
        Err(Rejected::Signature)
    }

    fn known(&self) -> Result<Arc<[VerifyingKey]>, Rejected> {
        let state = self.state();
        state.keys.clone().ok_or_else(|| Rejected::KeySet(state.error.clone()))
    }

    fn is_old(&self, now: SystemTime) -> bool {
        let fetched_at = self.state().fetched_at;
        // A clock that was set back makes the age unknown.
        fetched_at.and_then(|at| now.duration_since(at).ok()).is_none_or(|age| age >= MAX_AGE)
    }

    /// Fetches the key set, unless the last fetch began less than the minimum pause ago.
    async fn update(&self, now: SystemTime) {
        {
            let mut state = self.state();
            if state.attempted_at.is_some_and(|at| distance(at, now) < self.min_pause) {
                return;
            }
            state.attempted_at = Some(now);
            "another callback is fetching it".clone_into(&mut state.error);
        }
        let fetched = (self.fetch)().await.map_err(|error| error.to_string());
        let keys = fetched.and_then(|document| parse(document.as_ref()));
        let mut state = self.state();
        match keys {
            Ok(keys) => {
                state.keys = Some(keys);
                state.fetched_at = Some(now);
            }
            Err(error) => state.error = short(&error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(document: &[u8]) -> Result<Arc<[VerifyingKey]>, String> {
    if document.len() > MAX_KEY_SET {
        return Err(format!("a key set has at most {MAX_KEY_SET} bytes"));
    }
    let keys = public_key::parse_set(document).and_then(public_key::at_least_one);
    keys.map(Arc::from).map_err(|error| error.to_string())
}

fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;
    use crate::sample;

    const SECOND: Duration = Duration::from_secs(1);

    /// A key set that can be replaced, and the number of its fetches.
    struct Published {
        document: Mutex<Result<&'static str, &'static str>>,
        fetches: AtomicUsize,
    }

    impl Published {
        fn publish(&self, document: Result<&'static str, &'static str>) {
            *self.document.lock().unwrap() = document;
        }
    }

    /// The code of the rejection of the sample callback at a time, and the number of fetches so
    /// far.
    macro_rules! at {
        ($verifier:expr, $published:expr, $now:expr) => {{
            let verified = $verifier.verify(&sample::headers(), sample::BODY, $now).await;
            (verified.err().map(|error| error.code()), $published.fetches.load(Relaxed))
        }};
    }

    const OTHER: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}]}"#;

    #[tokio::test]
    async fn old_set_or_unknown_key_causes_fetch() {
        let published = Published { document: Mutex::new(Err("down")), fetches: AtomicUsize::new(0) };
        let fetch = || {
            published.fetches.fetch_add(1, Relaxed);
            let document = *published.document.lock().unwrap();
            async move { document }
        };
        let verifier = KeySetVerifier::new(sample::SERVICE, fetch).with_tolerance(10_000 * SECOND);
        let start = sample::signed_at();
        assert_eq!(at!(verifier, published, start), (Some("key-set"), 1));
        published.publish(Ok(OTHER));
        assert_eq!(at!(verifier, published, start + 29 * SECOND), (Some("key-set"), 1));
        assert_eq!(at!(verifier, published, start + 30 * SECOND), (Some("signature"), 2));
        published.publish(Ok(sample::JWKS));
        assert_eq!(at!(verifier, published, start + 59 * SECOND), (Some("signature"), 2));
        assert_eq!(at!(verifier, published, start + 60 * SECOND), (None, 3));
        assert_eq!(at!(verifier, published, start + 359 * SECOND), (None, 3));
        published.publish(Err("down"));
        assert_eq!(at!(verifier, published, start + 360 * SECOND), (None, 4));
        assert_eq!(at!(verifier, published, start + 5000 * SECOND), (None, 5));
        published.publish(Ok(OTHER));
        assert_eq!(at!(verifier, published, start), (Some("signature"), 6));
    }
}
