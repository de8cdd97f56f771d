//! The journal of requests: headers and bodies, masked secrets, filters and counts.

use keysync_testkit::{
    Harness,
    journal::{Part, RequestFilter},
    lambda::Mode,
};
use serde_json::Value;

async fn in_process() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

fn syncs() -> RequestFilter {
    RequestFilter::to(Part::Endpoint).method("post").path("/actions/sync")
}

#[tokio::test]
async fn journal_has_headers_and_bodies() {
    let harness = in_process().await;
    let key = harness.new_key("own").with_registration("cloud-object-storage", "b").create().await.unwrap();
    let manager = harness.manager().await.unwrap();
    let sync = manager.request(http::Method::POST, &format!("/api/v2/keys/{}/actions/sync", key.id()));
    manager.send(sync.header("correlation-id", "c-1").body("ignored")).await.unwrap().assert_status(204);

    let sync = harness.journal().matching(&syncs()).remove(0);
    assert_eq!(sync.request.header("Correlation-Id"), Some("c-1"));
    assert_eq!(sync.response.unwrap().header("correlation-id"), Some("c-1"));
    let callback = harness.journal().matching(&RequestFilter::to(Part::Services)).remove(0);
    let event: Value = serde_json::from_str(&callback.request.body).unwrap();
    assert_eq!(
        (&event["subject"], callback.request.body_bytes),
        (&key.id().into(), callback.request.body.len())
    );
    assert!(callback.request.header("webhook-signature").unwrap().starts_with("v1a,"));
}

#[tokio::test]
async fn journal_returns_pages_and_single_requests() {
    let harness = in_process().await;
    let manager = harness.manager().await.unwrap();
    for search in 0..5 {
        let path = format!("/api/v2/keys?search={search}");
        manager.send(manager.request(http::Method::GET, &path)).await.unwrap().assert_status(200);
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| {
        let url = format!("{}/_harness/requests{path}", harness.endpoint_url());
        let response = http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    for (query, expected) in [
        ("last=2", &["4", "3"][..]),
        ("last=2&skip=2", &["2", "1"]),
        ("last=2&skip=4", &["0"]),
        ("skip=9", &[]),
        ("last=0", &[]),
    ] {
        let (_, requests) = get(&format!("?path=search&{query}")).await;
        let paths = requests.as_array().unwrap().iter().rev().map(|request| request["path"].clone());
        let expected: Vec<_> = expected.iter().map(|end| format!("/api/v2/keys?search={end}")).collect();
        assert_eq!(paths.collect::<Vec<_>>(), expected, "{query}");
    }
    let (_, listed) = get("?path=search%3D3&secrets=true").await;
    let (status, found) = get(&format!("/{}", listed[0]["number"])).await;
    assert_eq!((status, &found["path"]), (200, &listed[0]["path"]));
    assert_eq!(found["request"]["headers"]["authorization"], "Bearer ***");
    assert_eq!(get("/99999").await.0, 404);

    let number = listed[0]["number"].as_u64();
    harness.journal().clear();
    assert_eq!(get(&format!("/{}", listed[0]["number"])).await.0, 404);
    manager.send(manager.request(http::Method::GET, "/api/v2/keys")).await.unwrap().assert_status(200);
    assert!(get("?last=1").await.1[0]["number"].as_u64() > number, "the numbers continue");
}

#[tokio::test]
async fn secrets_in_journal_are_masked_unless_requested() {
    let harness = in_process().await;
    let (api_key, token) = (harness.api_key(), harness.manager().await.unwrap().token());
    let journal = || harness.journal().exchanges();
    let key = harness.new_key("own").standard().create().await.unwrap();
    let (manager, path) = (harness.manager().await.unwrap(), format!("/api/v2/keys/{}", key.id()));
    manager.send(manager.request(http::Method::GET, &path)).await.unwrap().assert_status(200);

    let masked = serde_json::to_string(&journal()).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!masked.contains(api_key) && !masked.contains(signature), "{masked}");
    assert!(masked.contains("Bearer ***") && masked.contains("apikey=***"), "{masked}");
    let read = journal().into_iter().find(|exchange| exchange.path == path).unwrap().response.unwrap();
    assert!(read.body.contains(r#""payload":"***""#), "{}", read.body);

    let all = harness.journal().matching_with_secrets(&RequestFilter::default());
    let all = serde_json::to_string(&all).unwrap();
    assert!(all.contains(api_key) && all.contains(&token));
}

#[tokio::test]
async fn retry_with_same_correlation_id_is_asserted() {
    let harness = in_process().await;
    let key = harness.new_key("own").create().await.unwrap();
    let manager = harness.manager().await.unwrap();
    let sync = async |correlation_id: &str| {
        let request = manager.request(http::Method::POST, &format!("/api/v2/keys/{}/actions/sync", key.id()));
        manager.send(request.header("correlation-id", correlation_id)).await.unwrap()
    };
    sync("c-1").await.assert_status(204);
    sync("c-1").await.assert_status(204);
    harness.journal().assert_count(&syncs(), 2);
    assert_eq!(harness.journal().assert_same_header(&syncs(), "correlation-id"), "c-1");

    sync("c-2").await.assert_error(409, "REQ_TOO_EARLY_ERR");
    harness.journal().assert_count(&syncs().status(409), 1);
    harness
        .journal()
        .assert_count(&syncs().header(http::HeaderName::from_static("correlation-id"), "c-1"), 2);
    let journal = harness.journal().clone();
    let failed = std::thread::spawn(move || journal.assert_same_header(&syncs(), "correlation-id")).join();
    let failed = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(failed.contains("the same `correlation-id` in all POST requests to endpoint"), "{failed}");
    assert!(failed.contains(r#"[Some("c-1"), Some("c-1"), Some("c-2")]"#), "{failed}");
}

#[tokio::test]
async fn wrong_number_of_requests_fails_with_filter() {
    let harness = in_process().await;
    let journal = harness.journal().clone();
    let failed = std::thread::spawn(move || journal.assert_count(&syncs(), 1)).join().unwrap_err();
    let failed = *failed.downcast::<String>().unwrap();
    assert!(
        failed.contains("expected: 1 POST requests to endpoint with `/actions/sync` in the path"),
        "{failed}"
    );
    assert!(failed.contains("got: 0"), "{failed}");
}
