//! `check-registry`: services that cannot be reached, or do not allow the sender.

use keysync_testkit::httpmock::Method;
use serde_json::json;

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, USAGE},
};

const STORAGE: &str = "cloud-object-storage";

#[tokio::test]
async fn registry_check_finds_unreachable_and_private_hosts() {
    let harness = binaries().start().await.unwrap();
    let folder = Folder::new();
    let callback = |url: &str| format!(r#"{{"cloud-object-storage":{{"url":"{url}"}}}}"#);
    let check = |json: String, options: &'static [&'static str]| {
        let mut command = folder.command(&[&["check-registry", "--json"], options].concat());
        command.env("KEYSYNC_SERVICES", json);
        command
    };
    let good = callback(&format!("{}/callbacks/{STORAGE}", harness.services_url()));
    let good = Run::of(&mut check(good, &["--loopback-test-mode"])).await.expect(DONE).json();
    assert!(good[0]["status"].is_u64(), "{good}");
    let mut refused = check(callback("http://127.0.0.1:1/secret"), &["--loopback-test-mode"]);
    let refused = Run::of(&mut refused).await.expect(SOME_FAILED);
    assert!(refused.out.contains("refused") && !refused.out.contains("secret"), "{}", refused.out);
    let private = Run::of(&mut check(callback("https://10.0.0.1/"), &[])).await.expect(USAGE);
    assert!(private.err.contains("private"), "{}", private.err);
}

#[tokio::test]
async fn registry_check_requires_an_allowed_sender() {
    let harness = binaries().mock("ledgers").start().await.unwrap();
    let (mock, folder) = (harness.mock("ledgers").unwrap(), Folder::new());
    let services = json!({
        STORAGE: {"url": format!("{}/{STORAGE}/callbacks", harness.services_url()), "handshake": true},
        "ledgers": {"url": mock.url("/callbacks"), "handshake": true},
        "databases": {"url": harness.services_url()},
    })
    .to_string();
    let check = |options: &[&str]| {
        let options = [&["check-registry", "--json", "--loopback-test-mode"][..], options].concat();
        let mut command = folder.command(&options);
        command.env("KEYSYNC_SERVICES", &services);
        command
    };
    let origin = ["--origin", "keysync.example.com"];
    for (status, allowed, problem) in [
        (405, None, Some("the handshake got the status 405")),
        (200, None, Some("has no `webhook-allowed-origin`")),
        (
            200,
            Some("other.example.com"),
            Some("allows the origin `other.example.com`, and not `keysync.example.com`"),
        ),
        (200, Some("keysync.example.com"), None),
        (204, Some("*"), None),
    ] {
        mock.reset_async().await;
        let handshake = mock.mock_async(|when, then| {
            when.method(Method::OPTIONS)
                .path("/callbacks")
                .header("webhook-request-origin", "keysync.example.com");
            let then = then.status(status);
            if let Some(allowed) = allowed {
                then.header("webhook-allowed-origin", allowed).header("webhook-allowed-rate", "120");
            }
        });
        let handshake = handshake.await;
        let checked =
            Run::of(&mut check(&origin)).await.expect(if problem.is_some() { SOME_FAILED } else { DONE });
        handshake.assert_calls_async(1).await;
        let checked = checked.json();
        let of = |name: &str| checked.as_array().unwrap().iter().find(|it| it["service"] == name).unwrap();
        let found = of("ledgers")["problem"].as_str();
        assert_eq!(found.is_some(), problem.is_some(), "{checked}");
        assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{checked}");
        assert_eq!(of("ledgers")["handshake"]["allowed_origin"].as_str(), allowed);
        assert_eq!(of(STORAGE)["handshake"]["allowed_rate"], "*", "the emulated service allows every sender");
        assert!(of("databases")["handshake"].is_null(), "it takes no part");
    }
    let missing = Run::of(&mut check(&[])).await.expect(USAGE);
    assert!(missing.err.contains("set --origin"), "{}", missing.err);
    let invalid = Run::of(&mut check(&["--origin", "https://keysync.example.com"])).await.expect(USAGE);
    assert!(invalid.err.contains("must be a DNS name"), "{}", invalid.err);
}

#[tokio::test]
async fn registry_check_sends_a_signed_test_event() {
    let harness = binaries().mock("ledgers").start().await.unwrap();
    let (mock, folder) = (harness.mock("ledgers").unwrap(), Folder::new());
    let environment = harness.environment();
    let key = environment.get("KEYSYNC_SIGNING_KEY").unwrap();
    let services = json!({
        STORAGE: {"url": format!("{}/{STORAGE}/callbacks", harness.services_url())},
        "ledgers": {"url": mock.url("/callbacks")},
        "closed": {"url": "http://127.0.0.1:1/"},
    });
    mock.mock_async(|_, then| drop(then.status(401))).await;
    let check = |key: &str| {
        let options = ["check-registry", "--json", "--loopback-test-mode", "--send-test-event"];
        let mut command = folder.command(&options);
        command.env("KEYSYNC_SERVICES", services.to_string()).env("KEYSYNC_SIGNING_KEY", key);
        command
    };
    let checked = Run::of(&mut check(key)).await.expect(SOME_FAILED).json();
    let of = |name: &str| checked.as_array().unwrap().iter().find(|it| it["service"] == name).unwrap();
    assert_eq!(of(STORAGE)["accepted_test_event"], true, "{checked}");
    assert!(of(STORAGE)["problem"].is_null(), "{checked}");
    assert_eq!(of("ledgers")["problem"], "test event not accepted: responded with 401");
    assert!(of("closed")["accepted_test_event"].is_null(), "not sent where HEAD failed: {checked}");

    let received = harness.object_storage().received();
    assert_eq!(received.len(), 1, "the emulated service has verified it");
    let event: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!((&event["data"]["keyState"], &event["data"]["resourceCount"]), (&json!(1), &json!(0)));

    let invalid = Run::of(&mut check("whsk_secret")).await.expect(USAGE);
    assert!(
        invalid.err.contains("KEYSYNC_SIGNING_KEY") && !invalid.err.contains("whsk_secret"),
        "{}",
        invalid.err
    );
}
