//! IAM's published signing keys (JWKS), cached.
//!
//! A set is fresh for ten minutes, so that a withdrawn key does not live long, and it goes on serving
//! for an hour after that while IAM is out. One fetch runs at a time, and whoever waited for one takes what
//! came of it. Tokens with unknown key ids cannot make it fetch more often than every 30 s, nor can an IAM that
//! is out.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jsonwebtoken::DecodingKey;
use reqwest::{Client, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::{IamError, key_set};
use crate::{clock::Clock, domain::EpochMillis, http_client};

/// How long a set is used without asking again.
const FRESH: Duration = Duration::from_mins(10);
/// How much longer it is used while IAM is out (contract section 3).
const STALE: Duration = Duration::from_hours(1);
/// The least time between two fetches while a usable set is there (contract section 3).
const REFETCH_PAUSE: Duration = Duration::from_secs(30);
/// One fetch, body included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest set that is read, in bytes.
const MAX_SET_BYTES: usize = 1024 * 1024;

/// The cached key set.
pub(super) struct Jwks {
    url: Url,
    http: Client,
    clock: Clock,
    cached: RwLock<Option<Arc<KeySet>>>,
    /// Held over a fetch, so that there is one at a time.
    last_try: Mutex<Option<Try>>,
    /// How many fetches there were.
    tries: AtomicU64,
}

struct KeySet {
    keys: HashMap<String, DecodingKey>,
    fetched_at: EpochMillis,
}

#[derive(Clone, Copy)]
struct Try {
    at: EpochMillis,
    failed: bool,
}

impl Jwks {
    pub(super) fn new(url: Url, http: Client, clock: Clock) -> Self {
        Self {
            url,
            http,
            clock,
            cached: RwLock::default(),
            last_try: Mutex::default(),
            tries: AtomicU64::new(0),
        }
    }

    /// The key named `kid`.
    pub(super) async fn key(&self, kid: &str) -> Result<DecodingKey, IamError> {
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key);
        }
        let tries = self.tries.load(Ordering::Acquire);
        let mut last_try = self.last_try.lock().await;
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key); // fetched while we waited for our turn
        }
        let was_tried_meanwhile = tries != self.tries.load(Ordering::Acquire);
        if !was_tried_meanwhile && self.may_fetch(*last_try) {
            *last_try = Some(self.fetch().await);
        }
        let Some(set) = self.usable() else {
            return Err(IamError::Unavailable("no usable signing keys".to_owned()));
        };
        match set.keys.get(kid) {
            Some(key) => Ok(key.clone()),
            // It may be a new key of an IAM that we cannot ask.
            None if last_try.is_some_and(|last| last.failed) => Err(IamError::Unavailable(
                "an unknown signing key, and the set could not be fetched".to_owned(),
            )),
            None => Err(IamError::Unauthorized("signed with an unknown key (kid)".to_owned())),
        }
    }

    /// Fetches the set before anybody needs it.
    pub(super) async fn fetch_ahead(&self) {
        let mut last_try = self.last_try.lock().await;
        *last_try = Some(self.fetch().await);
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

    fn may_fetch(&self, last_try: Option<Try>) -> bool {
        let now = self.clock.now();
        // A last try in the future means that the clock stepped back: it says nothing.
        let paused = last_try.is_some_and(|last| now >= last.at && now.since(last.at) < REFETCH_PAUSE);
        !paused || self.usable().is_none()
    }

    async fn fetch(&self) -> Try {
        let fetched = self.try_fetch().await.inspect_err(|why| tracing::warn!(%why, "JWKS not fetched"));
        self.tries.fetch_add(1, Ordering::Release);
        Try { at: self.clock.now(), failed: fetched.is_err() }
    }

    async fn try_fetch(&self) -> Result<(), String> {
        let request = self.http.get(self.url.clone());
        let response = http_client::send(request, FETCH_TIMEOUT).await.map_err(http_client::reason)?;
        // Nothing else says that the body is the set (contract section 3).
        if response.status() != StatusCode::OK {
            return Err(format!("/identity/keys answered {}, not 200", response.status()));
        }
        let body = http_client::read_up_to(response, MAX_SET_BYTES)
            .await
            .map_err(http_client::reason)?
            .ok_or_else(|| format!("the set is larger than {MAX_SET_BYTES} bytes"))?;
        // Swapped only when it parsed and holds something: a broken answer leaves the old set.
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
