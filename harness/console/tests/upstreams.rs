//! The console with other upstreams than the harness: Key Protect, and malformed or malicious
//! responses of IAM, the resource controller and the KMS API, on which the console keeps working,
//! sends the token to no other address, and shows what to do.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use keysync_console::{Addresses, Console};

const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// A console with an IAM that issues a token, a resource controller that returns `instances`, and a
/// KMS API that returns `response` to every request.
struct Setup {
    http: reqwest::Client,
    console: String,
    cookie: String,
}

impl Setup {
    async fn new(instances: String, response: fn() -> Response) -> Self {
        let setup =
            Self::with_token(r#"{"access_token": "a.b.c", "expiration": 4102444800}"#, instances, response);
        let mut setup = setup.await;
        let login = setup.log_in().await;
        assert_eq!(login.status(), StatusCode::SEE_OTHER);
        setup.cookie = set_cookie(&login, "keysync-session-");
        setup
    }

    async fn with_token(token: &'static str, instances: String, response: fn() -> Response) -> Self {
        let api = Router::new()
            .route("/identity/token", post(async move || token))
            .route("/v2/resource_instances", get(async move || instances))
            .fallback(async move || response());
        let api: keysync_console::Address = serve(api).await.parse().unwrap();
        let addresses = Addresses { endpoint: api.clone(), iam: api.clone(), resource_controller: api };
        let console = serve(Console::new(addresses).unwrap().router()).await;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { http: http.build().unwrap(), console, cookie: String::new() }
    }

    async fn log_in(&self) -> reqwest::Response {
        let page = self.http.get(format!("{}/console/login", self.console)).send().await.unwrap();
        let cookie = set_cookie(&page, "keysync-console-login=");
        let csrf = cookie.split_once('=').unwrap().1.to_owned();
        let form = [("csrf", csrf.as_str()), ("apikey", "an API key")];
        let login = self.http.post(format!("{}/console/login", self.console)).form(&form);
        login.header(header::COOKIE, cookie).send().await.unwrap()
    }

    async fn open(&self, path: &str) -> (StatusCode, String) {
        let request = self.http.get(format!("{}{path}", self.console)).header(header::COOKIE, &self.cookie);
        let response = request.send().await.unwrap();
        assert!(response.headers().get(header::LOCATION).is_none(), "{path} redirects");
        (response.status(), response.text().await.unwrap())
    }
}

fn set_cookie(response: &reqwest::Response, name: &str) -> String {
    let cookies =
        response.headers().get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
    let found = cookies.into_iter().find(|cookie| cookie.starts_with(name)).unwrap();
    found.split(';').next().unwrap().to_owned()
}

const ONE_INSTANCE: &str = r#"{"next_url": null, "resources": [{
    "guid": "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11", "name": "one", "region_id": "us-south", "state": "active",
    "crn": "crn:v1:bluemix:public:kms:us-south:a/1:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11::"
}]}"#;

#[tokio::test]
async fn malformed_api_response_shows_error_page() {
    let responses: [fn() -> Response; 6] = [
        || "no JSON".into_response(),
        || r#"{"metadata": {}, "resources": [{"id": 1, "state": "1"}]}"#.into_response(),
        || StatusCode::NO_CONTENT.into_response(),
        || (StatusCode::FOUND, [(header::LOCATION, "https://evil.example")]).into_response(),
        || StatusCode::NOT_MODIFIED.into_response(),
        || vec![b' '; 17 * 1024 * 1024].into_response(),
    ];
    for response in responses {
        let setup = Setup::new(ONE_INSTANCE.to_owned(), response).await;
        let (status, page) = setup.open(&format!("/console/instances/{INSTANCE}/keys")).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert!(page.contains("Check the address that this console uses."), "{page}");
    }
}

#[tokio::test]
async fn next_page_on_another_host_is_ignored() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let other_host =
        serve(Router::new().fallback(async move || count.fetch_add(1, Relaxed).to_string())).await;
    let authority = other_host.trim_start_matches("http://");
    for next in [format!("{other_host}/v2/next"), format!("//{authority}/v2/"), format!("@{authority}/v2/")] {
        let instances = ONE_INSTANCE.replace("null", &format!("{next:?}"));
        let setup = Setup::new(instances, || StatusCode::NOT_FOUND.into_response()).await;
        assert_eq!(setup.open("/console/resources").await.0, StatusCode::OK, "{next}");
    }
    assert_eq!(requests.load(Relaxed), 0);
}

const ONE_KEY: &str =
    r#"{"metadata": {}, "resources": [{"id": "05f5bf07-5dcb-4d0c-8b1f-3d1f3f9a7c41", "state": 1}]}"#;

#[tokio::test]
async fn missing_key_count_is_not_shown_as_zero() {
    let setup = Setup::new(ONE_INSTANCE.to_owned(), || ONE_KEY.into_response()).await;
    let (status, page) = setup.open(&format!("/console/instances/{INSTANCE}/keys")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("1–1 keys") && !page.contains("0 keys"), "{page}");
}

#[tokio::test]
async fn key_protect_menu_opens_side_panel() {
    let setup = Setup::new(ONE_INSTANCE.to_owned(), || ONE_KEY.into_response()).await;
    let (_, page) = setup.open(&format!("/console/instances/{INSTANCE}/keys")).await;
    assert!(page.contains("<title>Keys – keysync</title>"), "{page}");
    assert!(page.contains("/sync\" data-dialog=\"side-panel\">Sync</a>"), "{page}");
    let hyper_protect = ONE_INSTANCE.replace(":kms:", ":hs-crypto:");
    let setup = Setup::new(hyper_protect, || ONE_KEY.into_response()).await;
    let (_, page) = setup.open(&format!("/console/instances/{INSTANCE}/keys")).await;
    assert!(page.contains("<title>KMS keys – keysync</title>"), "{page}");
    assert!(page.contains("/resources#synchronize\">Synchronize associated resources</a>"), "{page}");
}

#[tokio::test]
async fn console_without_harness_has_no_harness_page() {
    let setup = Setup::new(ONE_INSTANCE.to_owned(), || StatusCode::NOT_FOUND.into_response()).await;
    let (status, page) = setup.open("/console/harness").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!page.contains("href=\"/console/harness\""), "{page}");
}

#[tokio::test]
async fn invalid_or_expired_token_rejects_login() {
    for (token, message) in [
        (r#"{"access_token": "a.b.c", "expiration": 1}"#, "Compare the clocks"),
        (r#"{"access_token": "a.b.c", "expiration": 9223372036854775807}"#, "Compare the clocks"),
        (r#"{"access_token": 7}"#, "response of the service is invalid"),
    ] {
        let setup = Setup::with_token(token, String::new(), || StatusCode::NOT_FOUND.into_response()).await;
        let login = setup.log_in().await;
        assert_eq!(login.status(), StatusCode::BAD_GATEWAY, "{token}");
        assert!(login.text().await.unwrap().contains(message), "{token}");
    }
}
