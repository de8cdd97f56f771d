//! Sessions of the console: login, cookies, logout and expiry, and that no page, URL or cookie
//! holds a credential.

use std::time::Duration;

use http::{StatusCode, header};
use keysync_testkit::{EpochMillis, Harness, HarnessClock, SampleKeys, lambda::Mode};

use crate::visitor::{Page, Visitor};

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

#[tokio::test]
async fn login_is_required_and_returns_to_page() {
    let harness = harness().await;
    let keys = format!("/console/instances/{}/keys?state=5", harness.instance());
    let visitor = Visitor::new(&harness);
    for path in ["/console", "/console/", "/console/resources", &keys, "/console/nothing/here"] {
        let page = visitor.open(path).await;
        assert!(page.path.starts_with("/console/login"), "{path} redirected to {}", page.path);
    }
    let login = visitor.open(&keys).await;
    let page = visitor.submit(&login, "/console/login", &[("apikey", harness.api_key())]).await;
    assert_eq!(page.path, keys);
}

#[tokio::test]
async fn credentials_never_appear_in_pages_or_cookies() {
    let harness = harness().await;
    let key = harness.sample_keys().await.unwrap().root;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let keys = format!("/console/instances/{}/keys", harness.instance());
    let of_key = format!("{keys}/{key}");
    for path in [
        "/console/resources",
        &keys,
        &format!("{of_key}/resources"),
        &format!("{of_key}/live"),
        &format!("{of_key}/actions/delete"),
        "/console/nothing",
    ] {
        let page = visitor.open(path).await;
        let everything = format!("{:?} {} {:?}", page.headers, page.html, visitor.cookie());
        // The first characters of a JSON Web Token.
        assert!(!everything.contains("eyJ") && !everything.contains(harness.api_key()), "{path}");
    }
}

#[tokio::test]
async fn session_cookie_is_restricted_and_renewed() {
    let harness = harness().await;
    let visitor = Visitor::new(&harness);
    let login = visitor.open("/console/login").await;
    let mut form = login.hidden_fields("/console/login");
    form.push(("apikey".to_owned(), harness.api_key().to_owned()));
    let response = visitor.post("/console/login", &form, &[]).await;
    let set = |response: &Page, name: &str| -> String {
        let mut all =
            response.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        all.find(|cookie| cookie.starts_with(name)).unwrap().to_owned()
    };
    let session = set(&response, "keysync-session-");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/console"] {
        assert!(session.contains(attribute), "{session}");
    }
    assert!(!session.contains("Max-Age") && !session.contains("Expires"), "a session cookie: {session}");
    let first = visitor.cookie().unwrap();
    visitor.log_in(harness.api_key()).await;
    let second = visitor.cookie().unwrap();
    assert_ne!(second, first);
    // The old cookie is invalid.
    visitor.set_cookie(&first);
    assert!(visitor.open("/console/resources").await.path.starts_with("/console/login"));
    let chosen = format!("{}=chosen-by-an-attacker", first.split('=').next().unwrap());
    visitor.set_cookie(&chosen);
    visitor.log_in(harness.api_key()).await;
    assert_ne!(visitor.cookie().unwrap(), chosen);

    // A browser deletes a cookie only if the path matches.
    let login = set(&response, "keysync-console-login=;");
    assert!(login.contains("Path=/console/login") && login.contains("Max-Age=0"), "{login}");
    let form = visitor.open("/console/resources").await.hidden_fields("/console/logout");
    let session = set(&visitor.post("/console/logout", &form, &[]).await, "keysync-session-");
    assert!(session.contains("Path=/console;") && session.contains("Max-Age=0"), "{session}");
}

#[tokio::test]
async fn consoles_on_one_host_keep_separate_sessions() {
    let (one, other) = (harness().await, harness().await);
    let visitor = Visitor::logged_in(&one, one.api_key()).await;
    // A browser sends a host's cookies to every port.
    visitor.set_cookie(&Visitor::logged_in(&other, other.api_key()).await.cookie().unwrap());
    assert_eq!(visitor.open("/console/resources").await.path, "/console/resources");
}

#[tokio::test]
async fn tabs_share_session_but_not_key_messages() {
    let harness = harness().await;
    let visitor = Visitor::new(&harness);
    let (one, other) = (visitor.open("/console/login").await, visitor.open("/console/login").await);
    let key = [("apikey", harness.api_key())];
    assert_eq!(visitor.submit(&one, "/console/login", &[("apikey", "mistyped")]).await.status, 422);
    assert_eq!(visitor.submit(&one, "/console/login", &key).await.path, "/console/resources");
    assert_eq!(visitor.submit(&other, "/console/login", &key).await.status, StatusCode::FORBIDDEN);

    let SampleKeys { root, standard, .. } = harness.sample_keys().await.unwrap();
    let page = |key: &str| format!("/console/instances/{}/keys/{key}", harness.instance());
    let sync = format!("{}/sync", page(&root));
    let form = visitor.open(&format!("{}/resources", page(&root))).await.hidden_fields(&sync);
    assert_eq!(visitor.post(&sync, &form, &[]).await.status, StatusCode::SEE_OTHER);
    // Another tab loads its page first.
    let message = "The associated services are notified again";
    for path in [page(&standard) + "/resources", format!("/console/instances/{}/keys", harness.instance())] {
        assert!(!visitor.open(&path).await.text().contains(message), "{path}");
    }
    assert!(visitor.open(&format!("{}/resources", page(&root))).await.text().contains(message));
}

#[tokio::test]
async fn logout_invalidates_the_old_cookie() {
    let harness = harness().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let cookie = visitor.cookie().unwrap();
    let page = visitor.open("/console/resources").await;
    let page = visitor.submit(&page, "/console/logout", &[]).await;
    assert!(page.text().contains("You are logged out"), "{}", page.text());
    assert_eq!(visitor.cookie(), None);
    visitor.set_cookie(&cookie);
    assert!(visitor.open("/console/resources").await.path.starts_with("/console/login"));
}

#[tokio::test]
async fn session_ends_with_its_token() {
    let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    let harness = Harness::builder().mode(Mode::InProcess).clock(clock.clone()).start().await.unwrap();
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let page = visitor.open("/console/resources").await;
    clock.advance(Duration::from_secs(3_599));
    assert_eq!(visitor.open("/console/resources").await.path, "/console/resources");
    clock.advance(Duration::from_secs(1));
    let ended = visitor.submit(&page, "/console/logout", &[]).await;
    assert!(ended.text().contains("Your session has ended"), "{}", ended.text());
    assert!(visitor.open("/console/resources").await.path.starts_with("/console/login"));
}

#[tokio::test]
async fn every_response_has_restrictive_security_headers() {
    let harness = harness().await;
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    for path in [
        "/console/resources",
        "/console/login",
        "/console/nothing",
        "/console/assets/console.js",
        "/console/assets/no",
    ] {
        let page = visitor.open(path).await;
        let header = |name: &str| {
            page.headers.get(name).unwrap_or_else(|| panic!("{path}: no {name}")).to_str().unwrap()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        let cached =
            if page.status == StatusCode::OK && path.contains("assets") { "no-cache" } else { "no-store" };
        assert_eq!(header("cache-control"), cached, "{path}");
    }
}
