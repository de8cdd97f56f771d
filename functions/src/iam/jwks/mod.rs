//! The cache of IAM's public key set (JWKS).
//!
//! A set is fresh for ten minutes, so that a withdrawn key soon stops working. During an outage of
//! IAM, it is used for another hour. One fetch runs at a time, and all requests that waited for it
//! share its result. While a set is usable, tokens with unknown key ids and failed fetches cause at
//! most one fetch in 30 s.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;
use url::Url;

use super::{IamError, key_set};
use crate::{
    clock::Clock,
    domain::EpochMillis,
    http_client::{HttpClient, Request},
};

/// The age up to which a set is used without a fetch (`docs/reference/limits.md#jwks-fresh`).
const FRESH: Duration = Duration::from_mins(10);
/// The additional age up to which a set is used while IAM is unavailable
/// (`docs/reference/limits.md#jwks-stale`).
const STALE: Duration = Duration::from_hours(1);
/// The minimum time between two fetches while a set is usable
/// (`docs/reference/limits.md#jwks-refetch`).
const REFETCH_PAUSE: Duration = Duration::from_secs(30);
/// The time limit of a fetch, body included (`docs/reference/limits.md#jwks-fetch`).
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum size of a set, in bytes.
const MAX_SET_BYTES: usize = 1024 * 1024;

/// The cached key set.
pub(super) struct Jwks {
    url: Url,
    http: HttpClient,
    clock: Clock,
    cached: RwLock<Option<Arc<KeySet>>>,
    /// Locked during a fetch, so that one runs at a time.
    last_fetch: Mutex<Option<Fetch>>,
    /// The number of completed fetches.
    fetches: AtomicU64,
}

struct KeySet {
    keys: HashMap<String, DecodingKey>,
    fetched_at: EpochMillis,
}

#[derive(Clone, Copy)]
struct Fetch {
    at: EpochMillis,
    failed: bool,
}

impl Jwks {
    pub(super) fn new(url: Url, http: HttpClient, clock: Clock) -> Self {
        Self {
            url,
            http,
            clock,
            cached: RwLock::default(),
            last_fetch: Mutex::default(),
            fetches: AtomicU64::new(0),
        }
    }

    /// The public key with the id `kid`.
    pub(super) async fn key(&self, kid: &str) -> Result<DecodingKey, IamError> {
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key);
        }
        let fetches = self.fetches.load(Ordering::Acquire);
        let mut last_fetch = self.last_fetch.lock().await;
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key); // fetched while this request waited for the lock
        }
        let was_fetched_meanwhile = fetches != self.fetches.load(Ordering::Acquire);
        if !was_fetched_meanwhile && self.may_fetch(*last_fetch) {
            *last_fetch = Some(self.fetch().await);
        }
        let Some(set) = self.usable() else {
            return Err(IamError::Unavailable("no usable public key set".to_owned()));
        };
        match set.keys.get(kid) {
            Some(key) => Ok(key.clone()),
            // IAM may have added the key, which cannot be checked while it is unavailable.
            None if last_fetch.is_some_and(|last| last.failed) => Err(IamError::Unavailable(
                "unknown signing key (kid), and the public key set could not be fetched".to_owned(),
            )),
            None => Err(IamError::Unauthorized("unknown signing key (kid)".to_owned())),
        }
    }

    /// Fetches the set before the first request.
    pub(super) async fn prefetch(&self) {
        let mut last_fetch = self.last_fetch.lock().await;
        *last_fetch = Some(self.fetch().await);
    }

    fn fresh_key(&self, kid: &str) -> Option<DecodingKey> {
        self.younger_than(FRESH)?.keys.get(kid).cloned()
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        self.younger_than(FRESH + STALE)
    }

    fn younger_than(&self, age: Duration) -> Option<Arc<KeySet>> {
        let cached = self.cached.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        cached.clone().filter(|set| self.clock.now().since(set.fetched_at) < age)
    }

    fn may_fetch(&self, last_fetch: Option<Fetch>) -> bool {
        let now = self.clock.now();
        // A last fetch in the future means that the clock was set back, so it is ignored.
        let paused = last_fetch.is_some_and(|last| now >= last.at && now.since(last.at) < REFETCH_PAUSE);
        !paused || self.usable().is_none()
    }

    async fn fetch(&self) -> Fetch {
        let result = self.try_fetch().await.inspect_err(|why| tracing::warn!(%why, "JWKS not fetched"));
        self.fetches.fetch_add(1, Ordering::Release);
        Fetch { at: self.clock.now(), failed: result.is_err() }
    }

    async fn try_fetch(&self) -> Result<(), String> {
        let request = Request::new(Method::GET, &self.url);
        let (response, body) = self
            .http
            .fetch(request, FETCH_TIMEOUT, MAX_SET_BYTES)
            .await
            .map_err(|error| error.to_string())?;
        // A body with any other status is not the key set.
        if response.status != StatusCode::OK {
            return Err(format!("/identity/keys responded with {} instead of 200", response.status));
        }
        let body = body.ok_or_else(|| format!("the JWKS is larger than {MAX_SET_BYTES} bytes"))?;
        // An invalid or empty set is an error here and does not replace the cached one.
        let keys = key_set::parse(&body)?;
        let set = Arc::new(KeySet { keys, fetched_at: self.clock.now() });
        *self.cached.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(set);
        Ok(())
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwks({})", self.url)
    }
}

#[cfg(test)]
mod tests;
