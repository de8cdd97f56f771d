//! Tests of the cache: what is fetched, and how often.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use httpmock::{Method::GET, MockServer};
use serde_json::{Value, json};

use super::*;

fn jwk(kid: &str) -> Value {
    json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB",
           "n": BASE64_URL_SAFE_NO_PAD.encode([0xC1; 256])})
}

/// A cache of the key set of `server`, and its clock in milliseconds.
fn cache(server: &MockServer) -> (Jwks, Arc<AtomicU64>) {
    let millis = Arc::new(AtomicU64::new(1_700_000_000_000));
    let clock = Clock::from_fn({
        let millis = millis.clone();
        move || EpochMillis::new(millis.load(Ordering::Relaxed))
    });
    let url = server.url("/identity/keys").parse().unwrap();
    (Jwks::new(url, HttpClient::new(), clock), millis)
}

fn advance(millis: &AtomicU64, time: Duration) {
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

async fn serve_error(server: &MockServer) -> httpmock::Mock<'_> {
    server
        .mock_async(|when, then| {
            when.method(GET).path("/identity/keys");
            then.status(503);
        })
        .await
}

#[tokio::test]
async fn known_key_is_fetched_once() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, _) = cache(&server);
    for _ in 0..3 {
        cache.key("a").await.unwrap();
    }
    set.assert_calls_async(1).await;
}

#[tokio::test]
async fn prefetched_set_is_not_fetched_again() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, _) = cache(&server);
    cache.prefetch().await;
    cache.key("a").await.unwrap();
    set.assert_calls_async(1).await;
}

#[tokio::test]
async fn first_request_fetches_after_failed_prefetch() {
    let server = MockServer::start_async().await;
    let error = serve_error(&server).await;
    let (cache, _) = cache(&server);
    cache.prefetch().await;
    error.delete_async().await;
    serve(&server, &["a"]).await;
    cache.key("a").await.unwrap();
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, _) = cache(&server);
    let all = futures_util::future::join_all((0..50).map(|_| cache.key("a"))).await;
    assert!(all.iter().all(Result::is_ok));
    set.assert_calls_async(1).await;
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_per_30_s() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, millis) = cache(&server);
    for n in 0..20 {
        assert!(matches!(cache.key(&n.to_string()).await, Err(IamError::Unauthorized(_))));
    }
    set.assert_calls_async(1).await;
    advance(&millis, REFETCH_PAUSE);
    assert!(cache.key("unknown").await.is_err());
    set.assert_calls_async(2).await;
}

#[tokio::test]
async fn rotated_key_is_found_after_the_pause() {
    let server = MockServer::start_async().await;
    let old = serve(&server, &["a"]).await;
    let (cache, millis) = cache(&server);
    cache.key("a").await.unwrap();
    old.delete_async().await;
    serve(&server, &["a", "b"]).await;
    advance(&millis, REFETCH_PAUSE);
    cache.key("b").await.unwrap();
}

#[tokio::test]
async fn stale_set_is_used_for_one_hour() {
    let server = MockServer::start_async().await;
    let available = serve(&server, &["a"]).await;
    let (cache, millis) = cache(&server);
    cache.key("a").await.unwrap();
    available.delete_async().await;
    serve_error(&server).await;
    advance(&millis, FRESH + STALE.saturating_sub(Duration::from_millis(1)));
    cache.key("a").await.unwrap();
    assert!(matches!(cache.key("new").await, Err(IamError::Unavailable(_))), "IAM may have added the key");
    advance(&millis, Duration::from_millis(1));
    assert!(matches!(cache.key("a").await, Err(IamError::Unavailable(_))));
}

#[tokio::test]
async fn cache_recovers_after_outage_at_init() {
    let server = MockServer::start_async().await;
    let outage = serve_error(&server).await;
    let (cache, _) = cache(&server);
    assert!(matches!(cache.key("a").await, Err(IamError::Unavailable(_))));
    outage.delete_async().await;
    serve(&server, &["a"]).await;
    cache.key("a").await.unwrap();
}

/// A set with the key `b` of this length.
fn padded(bytes: usize) -> String {
    let set = json!({"keys": [jwk("b")]}).to_string();
    format!("{set}{}", " ".repeat(bytes - set.len()))
}

#[tokio::test]
async fn set_of_1_mb_is_read() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.method(GET).path("/identity/keys");
            then.status(200).body(padded(1_048_576));
        })
        .await;
    cache(&server).0.key("b").await.unwrap();
}

#[tokio::test]
async fn invalid_set_does_not_replace_the_cached_one() {
    let server = MockServer::start_async().await;
    let valid = serve(&server, &["a"]).await;
    let (cache, millis) = cache(&server);
    cache.key("a").await.unwrap();
    valid.delete_async().await;
    let too_large = padded(MAX_SET_BYTES + 1);
    let truncated = json!({"keys": [jwk("b")]}).to_string().replace('}', "");
    let duplicate = json!({"keys": [jwk("b")]}).to_string().replacen('{', r#"{"keys":[],"#, 1);
    let in_an_array = json!([[jwk("b")]]).to_string();
    for invalid in
        [too_large, truncated, duplicate, in_an_array, r#"{"keys":[]}"#.to_owned(), "<html>".to_owned()]
    {
        let mock = server
            .mock_async(|when, then| {
                when.method(GET).path("/identity/keys");
                then.status(200).body(invalid);
            })
            .await;
        advance(&millis, FRESH);
        cache.key("a").await.unwrap();
        assert!(matches!(cache.key("b").await, Err(IamError::Unavailable(_))));
        mock.assert_calls_async(1).await;
        mock.delete_async().await;
    }
}

/// Otherwise each waiting request would fetch for up to 3 s, one after the other.
#[tokio::test]
async fn waiting_requests_share_a_failed_fetch() {
    let server = MockServer::start_async().await;
    let error = serve_error(&server).await;
    let (cache, _) = cache(&server);
    let all = futures_util::future::join_all((0..50).map(|n| cache.key(["a", "b"][n % 2]))).await;
    assert!(all.iter().all(|key| matches!(key, Err(IamError::Unavailable(_)))));
    error.assert_calls_async(1).await;
    assert!(cache.key("a").await.is_err(), "a later request fetches again");
    error.assert_calls_async(2).await;
}

#[tokio::test]
async fn accepts_set_only_with_status_200() {
    for status in [201, 202, 203, 206, 300, 301, 302, 304, 307, 400, 401, 404, 500, 503] {
        let server = MockServer::start_async().await;
        let mock = server
            .mock_async(|when, then| {
                when.method(GET).path("/identity/keys");
                then.status(status).json_body(json!({"keys": [jwk("a")]}));
            })
            .await;
        let (cache, _) = cache(&server);
        let key = cache.key("a").await;
        assert!(matches!(key, Err(IamError::Unavailable(_))), "{status}");
        mock.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn prefetch_fetches_the_set() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, _) = cache(&server);
    cache.prefetch().await;
    set.assert_calls_async(1).await;
}

#[tokio::test]
async fn fresh_set_is_not_fetched_after_the_pause() {
    let server = MockServer::start_async().await;
    let set = serve(&server, &["a"]).await;
    let (cache, millis) = cache(&server);
    cache.key("a").await.unwrap();
    advance(&millis, REFETCH_PAUSE);
    cache.key("a").await.unwrap();
    set.assert_calls_async(1).await;
}
