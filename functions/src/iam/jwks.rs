//! IAM's published signing keys (JWKS), cached.
//!
//! A set is fresh for ten minutes, so that a withdrawn key does not live long, and it goes on serving
//! for an hour after that while IAM is out. One fetch runs at a time. Tokens with unknown key ids
//! cannot make it fetch more often than every 30 s, nor can an IAM that is out.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::IamError;
use crate::{clock::Clock, key::EpochMillis, outbound};

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
/// The smallest RSA modulus that is trusted, in bytes: 2,048 bits.
const MIN_MODULUS_BYTES: usize = 256;

/// The cached key set.
pub(super) struct Jwks {
    url: Url,
    http: Client,
    clock: Clock,
    cached: RwLock<Option<Arc<KeySet>>>,
    /// Held over a fetch, so that there is one at a time.
    last_try: Mutex<Option<Try>>,
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
        Self { url, http, clock, cached: RwLock::default(), last_try: Mutex::default() }
    }

    /// The key named `kid`.
    pub(super) async fn key(&self, kid: &str) -> Result<DecodingKey, IamError> {
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key);
        }
        let mut last_try = self.last_try.lock().await;
        if let Some(key) = self.fresh_key(kid) {
            return Ok(key); // fetched while we waited for our turn
        }
        if self.may_fetch(*last_try) {
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
        Try { at: self.clock.now(), failed: fetched.is_err() }
    }

    async fn try_fetch(&self) -> Result<(), String> {
        let response = outbound::send(self.http.get(self.url.clone()), FETCH_TIMEOUT)
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(outbound::reason)?;
        let body = outbound::read_up_to(response, MAX_SET_BYTES)
            .await
            .map_err(outbound::reason)?
            .ok_or_else(|| format!("the set is larger than {MAX_SET_BYTES} bytes"))?;
        // Swapped only when it parsed and holds something: a broken answer leaves the old set.
        let keys = parse(&body)?;
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

/// The RS256 signature keys of a set; what is not one is passed over.
fn parse(body: &[u8]) -> Result<HashMap<String, DecodingKey>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(body).map_err(|error| format!("not a JWKS: {error}"))?;
    let mut keys = HashMap::new();
    for (kid, key) in set.keys.into_iter().filter_map(signature_key) {
        keys.entry(kid).or_insert(key);
    }
    if keys.is_empty() { Err("the set holds no usable RS256 key".to_owned()) } else { Ok(keys) }
}

fn signature_key(jwk: Value) -> Option<(String, DecodingKey)> {
    #[derive(Deserialize)]
    struct Jwk {
        kid: String,
        kty: String,
        alg: Option<String>,
        r#use: Option<String>,
        n: String,
        e: String,
    }
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let fits = jwk.kty == "RSA"
        && jwk.alg.is_none_or(|alg| alg == "RS256")
        && jwk.r#use.is_none_or(|usage| usage == "sig")
        && BASE64_URL_SAFE_NO_PAD.decode(&jwk.n).ok()?.len() >= MIN_MODULUS_BYTES;
    let key = fits.then(|| DecodingKey::from_rsa_components(&jwk.n, &jwk.e).ok())??;
    Some((jwk.kid, key))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use httpmock::{Method::GET, MockServer};
    use serde_json::json;

    use super::*;

    fn jwk(kid: &str) -> Value {
        json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB",
               "n": BASE64_URL_SAFE_NO_PAD.encode([0xC1; 256])})
    }

    /// A cache in front of `server`, and its clock in milliseconds.
    fn cache(server: &MockServer) -> (Jwks, Arc<AtomicU64>) {
        let millis = Arc::new(AtomicU64::new(1_700_000_000_000));
        let clock = Clock::from_fn({
            let millis = millis.clone();
            move || EpochMillis::new(millis.load(Ordering::Relaxed))
        });
        let url = server.url("/identity/keys").parse().unwrap();
        (Jwks::new(url, outbound::client().build().unwrap(), clock), millis)
    }

    fn pass(millis: &AtomicU64, time: Duration) {
        millis.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn serve<'a>(server: &'a MockServer, keys: &[&str]) -> httpmock::Mock<'a> {
        let keys: Vec<Value> = keys.iter().map(|kid| jwk(kid)).collect();
        server
            .mock_async(|when, then| {
                when.method(GET).path("/identity/keys");
                then.status(200).json_body(json!({"keys": keys}));
            })
            .await
    }

    async fn serve_fault(server: &MockServer) -> httpmock::Mock<'_> {
        server
            .mock_async(|when, then| {
                when.method(GET).path("/identity/keys");
                then.status(503);
            })
            .await
    }

    #[tokio::test]
    async fn a_known_key_is_fetched_once() {
        let server = MockServer::start_async().await;
        let set = serve(&server, &["a"]).await;
        let (cache, _) = cache(&server);
        for _ in 0..3 {
            cache.key("a").await.unwrap();
        }
        set.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn a_set_that_was_fetched_ahead_is_not_fetched_again() {
        let server = MockServer::start_async().await;
        let set = serve(&server, &["a"]).await;
        let (cache, _) = cache(&server);
        cache.fetch_ahead().await;
        cache.key("a").await.unwrap();
        set.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn where_none_could_be_fetched_ahead_the_first_request_tries_again() {
        let server = MockServer::start_async().await;
        let fault = serve_fault(&server).await;
        let (cache, _) = cache(&server);
        cache.fetch_ahead().await;
        fault.delete_async().await;
        serve(&server, &["a"]).await;
        cache.key("a").await.unwrap();
    }

    #[tokio::test]
    async fn many_at_once_make_one_fetch() {
        let server = MockServer::start_async().await;
        let set = serve(&server, &["a"]).await;
        let (cache, _) = cache(&server);
        let all = futures_util::future::join_all((0..50).map(|_| cache.key("a"))).await;
        assert!(all.iter().all(Result::is_ok));
        set.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn a_flood_of_unknown_keys_fetches_every_30_s() {
        let server = MockServer::start_async().await;
        let set = serve(&server, &["a"]).await;
        let (cache, millis) = cache(&server);
        for n in 0..20 {
            assert!(matches!(cache.key(&n.to_string()).await, Err(IamError::Unauthorized(_))));
        }
        set.assert_calls_async(1).await;
        pass(&millis, REFETCH_PAUSE);
        assert!(cache.key("unknown").await.is_err());
        set.assert_calls_async(2).await;
    }

    #[tokio::test]
    async fn a_rotated_key_is_found_after_the_pause() {
        let server = MockServer::start_async().await;
        let old = serve(&server, &["a"]).await;
        let (cache, millis) = cache(&server);
        cache.key("a").await.unwrap();
        old.delete_async().await;
        serve(&server, &["a", "b"]).await;
        pass(&millis, REFETCH_PAUSE);
        cache.key("b").await.unwrap();
    }

    #[tokio::test]
    async fn a_stale_set_serves_an_hour_while_iam_is_out_and_no_longer() {
        let server = MockServer::start_async().await;
        let up = serve(&server, &["a"]).await;
        let (cache, millis) = cache(&server);
        cache.key("a").await.unwrap();
        up.delete_async().await;
        serve_fault(&server).await;
        pass(&millis, FRESH + STALE.saturating_sub(Duration::from_millis(1)));
        cache.key("a").await.unwrap();
        assert!(matches!(cache.key("new").await, Err(IamError::Unavailable(_))), "it may be a new key");
        pass(&millis, Duration::from_millis(1));
        assert!(matches!(cache.key("a").await, Err(IamError::Unavailable(_))));
    }

    #[tokio::test]
    async fn an_outage_at_the_start_ends_with_the_outage() {
        let server = MockServer::start_async().await;
        let out = serve_fault(&server).await;
        let (cache, _) = cache(&server);
        assert!(matches!(cache.key("a").await, Err(IamError::Unavailable(_))));
        out.delete_async().await;
        serve(&server, &["a"]).await;
        cache.key("a").await.unwrap();
    }

    #[test]
    fn only_rsa_signature_keys_of_2048_bits_count() {
        let with = |name: &str, value: Value| {
            let mut key = jwk("x");
            key[name] = value;
            key
        };
        for wrong in [
            with("kty", json!("EC")),
            with("alg", json!("RS512")),
            with("use", json!("enc")),
            with("n", json!(BASE64_URL_SAFE_NO_PAD.encode([0xC1; 128]))),
            with("n", json!(7)),
        ] {
            let body = json!({"keys": [wrong.clone(), jwk("good")]}).to_string();
            let kids: Vec<String> = parse(body.as_bytes()).unwrap().into_keys().collect();
            assert_eq!(kids, ["good"], "{wrong}");
        }
        assert!(parse(b"{\"keys\":[]}").is_err() && parse(b"<html>").is_err());
    }
}
