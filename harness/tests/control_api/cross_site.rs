//! Cross-site requests: the control API needs no credentials, so it must reject requests that a
//! browser sends for a page of another site.

use http::{Method, StatusCode};
use keysync_testkit::{EpochMillis, Harness, HarnessClock, lambda::Mode};

async fn status(harness: &Harness, method: Method, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.request(method, format!("{}{path}", harness.endpoint_url()));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    // A simple request, which `fetch` sends without a preflight.
    let request = request.header("content-type", "text/plain").body(r#"{"advance": "61m"}"#);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn cross_site_request_is_rejected() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock.clone()).start().await.unwrap();
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:1")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        // DNS rebinding: the page's own name resolves to this machine.
        &[("host", "evil.example:8080"), ("origin", "http://evil.example:8080")],
        &[("host", "127.0.0.1.evil.example")],
    ] {
        for (method, path) in [(Method::POST, "/_harness/time"), (Method::GET, "/_harness")] {
            assert_eq!(status(&harness, method, path, headers).await, StatusCode::FORBIDDEN, "{headers:?}");
        }
    }
    assert_eq!(clock.now(), EpochMillis::new(1_795_496_400_000), "the clock was not advanced");
}

#[tokio::test]
async fn programs_and_same_origin_pages_pass() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let url = harness.endpoint_url();
    let port = url.rsplit(':').next().unwrap();
    let (own, local) = (url.as_str(), format!("localhost:{port}"));
    for headers in [
        &[][..],
        &[("host", local.as_str())],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("origin", own)],
    ] {
        let status = status(&harness, Method::POST, "/_harness/time", headers).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{headers:?}");
    }
}

#[tokio::test]
async fn console_rejects_foreign_host_name() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    for (host, expected) in [("evil.example:8080", StatusCode::FORBIDDEN), ("localhost:8080", StatusCode::OK)]
    {
        let status = status(&harness, Method::GET, "/console/login", &[("host", host)]).await;
        assert_eq!(status, expected, "{host}");
    }
}
