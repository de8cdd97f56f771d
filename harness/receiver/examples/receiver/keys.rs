//! The sender's public keys: configured, or followed at the URL of the key set.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use keysync_receiver::{PublicKeyError, Verifier};
use tokio::sync::Mutex;

/// The age at which the key set is fetched again, as its `cache-control` says.
const MAX_AGE: Duration = Duration::from_mins(5);
/// The time for a fetch.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum size of a key set, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The keys that verify callbacks.
#[derive(Clone)]
pub(crate) enum Keys {
    /// Configured by hand.
    Fixed(Verifier),
    /// Those of the sender's key set.
    Followed(Arc<KeySet>),
}

/// A key set that is fetched again when it is old, or when no key of it fits.
pub(crate) struct KeySet {
    service: String,
    url: String,
    tolerance: Duration,
    /// The minimum time between two fetches, so that forged callbacks cause few.
    pause: Duration,
    http: reqwest::Client,
    verifier: RwLock<Verifier>,
    fetched_at: Mutex<Instant>,
}

/// The key set could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the key set at the URL cannot be fetched: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the key set has more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error(transparent)]
    Invalid(#[from] PublicKeyError),
}

impl Keys {
    /// Fetches the key set at `url`. Afterwards it is fetched at most once per `pause`.
    pub(crate) async fn follow(
        service: String,
        url: String,
        tolerance: Duration,
        pause: Duration,
    ) -> Result<Self, FetchError> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let verifier = fetch(&http, &url, &service, tolerance).await?;
        let (verifier, fetched_at) = (RwLock::new(verifier), Mutex::new(Instant::now()));
        Ok(Self::Followed(Arc::new(KeySet { service, url, tolerance, pause, http, verifier, fetched_at })))
    }

    /// The verifier with the present keys.
    pub(crate) async fn verifier(&self) -> Verifier {
        match self {
            Self::Fixed(verifier) => verifier.clone(),
            Self::Followed(set) => {
                set.fetch_if_older_than(MAX_AGE).await;
                set.verifier()
            }
        }
    }

    /// The verifier with newer keys, after a callback was rejected for its signature. `None` if the
    /// keys are fixed or were fetched a moment ago.
    pub(crate) async fn newer(&self) -> Option<Verifier> {
        match self {
            Self::Fixed(_) => None,
            Self::Followed(set) => set.fetch_if_older_than(set.pause).await.then(|| set.verifier()),
        }
    }
}

impl KeySet {
    fn verifier(&self) -> Verifier {
        self.verifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether the set was fetched. If that fails, the previous keys remain.
    async fn fetch_if_older_than(&self, age: Duration) -> bool {
        // One fetch at a time; callbacks that arrive meanwhile wait for it.
        let mut fetched_at = self.fetched_at.lock().await;
        if fetched_at.elapsed() < age {
            return false;
        }
        *fetched_at = Instant::now();
        match fetch(&self.http, &self.url, &self.service, self.tolerance).await {
            Ok(verifier) => {
                *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = verifier;
                true
            }
            Err(error) => {
                super::service::print_line(&format!("key set: {error}"));
                false
            }
        }
    }
}

async fn fetch(
    http: &reqwest::Client,
    url: &str,
    service: &str,
    tolerance: Duration,
) -> Result<Verifier, FetchError> {
    let mut response = http.get(url).send().await?.error_for_status()?;
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        document.extend_from_slice(&chunk);
        if document.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
    }
    Ok(Verifier::from_jwks(service, document)?.with_tolerance(tolerance))
}
