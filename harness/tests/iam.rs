//! The emulated IAM, as the public clients call it: token paths, error documents, roles.

use keysync_testkit::{
    Harness,
    iam::{Health, Role},
    lambda::Mode,
};
use serde_json::Value;

const GRANT: (&str, &str) = ("grant_type", "urn:ibm:params:oauth:grant-type:apikey");

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

async fn post(harness: &Harness, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http.post(format!("{}{path}", harness.iam_url())).form(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn both_token_paths_return_the_same() {
    let harness = harness().await;
    // Further fields that `keyprotect` 2.x sends.
    let more = [("response_type", "cloud_iam"), ("uaa_client_id", "cf"), ("uaa_client_secret", "")];
    for path in ["/identity/token", "/oidc/token"] {
        let form = [&[GRANT, ("apikey", harness.api_key())], &more[..]].concat();
        let (status, token) = post(&harness, path, &form).await;
        assert_eq!(
            (status, &token["token_type"], &token["expires_in"]),
            (200, &"Bearer".into(), &3600.into())
        );
        let manager = harness.manager().await.unwrap().with_token(token["access_token"].as_str().unwrap());
        let keys = manager.send(manager.request(http::Method::GET, "/api/v2/keys")).await.unwrap();
        assert_eq!(keys.status, 200, "{path}");
        let (status, error) = post(&harness, path, &[GRANT, ("apikey", "unknown")]).await;
        assert_eq!((status, &error["errorCode"]), (400, &"BXNIM0415E".into()), "{path}");
    }
}

#[tokio::test]
async fn every_error_is_a_json_document() {
    let harness = harness().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let at = |path: &str| format!("{}{path}", harness.iam_url());
    let assert_documented = async |status: u16, request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let error: Value = response.json().await.unwrap();
        for field in [&error["errorCode"], &error["errorMessage"], &error["context"]["requestId"]] {
            assert!(field.as_str().is_some_and(|text| !text.is_empty()), "{error}");
        }
    };
    assert_documented(400, http.post(at("/identity/token")).form(&[("apikey", "x")])).await;
    assert_documented(400, http.post(at("/oidc/token"))).await;
    assert_documented(404, http.get(at("/nothing"))).await;
    assert_documented(405, http.get(at("/identity/token"))).await;
    assert_documented(400, http.post(at("/v2/authz")).header("content-type", "application/json").body("{"))
        .await;

    harness.iam().set_health(Health::Down);
    for path in ["/identity/token", "/oidc/token"] {
        assert_documented(503, http.post(at(path)).form(&[GRANT, ("apikey", harness.api_key())])).await;
    }
    assert_documented(503, http.get(at("/identity/keys"))).await;
}

#[tokio::test]
async fn roles_of_one_caller_add_up() {
    let harness = harness().await;
    for (client, lists, purges) in [
        (harness.log_in_as(Role::Manager).await.unwrap(), true, false),
        (harness.log_in_as(Role::KeyPurge).await.unwrap(), false, true),
        (harness.log_in_as([Role::Manager, Role::KeyPurge]).await.unwrap(), true, true),
        (harness.log_in_as([]).await.unwrap(), false, false),
    ] {
        let iam = harness.iam();
        let caller = iam.authenticate(&client.token()).unwrap();
        let may = |action: &str| iam.permits(&caller, action, harness.instance());
        assert_eq!((may("kms.secrets.list"), may("kms.secrets.purge")), (lists, purges));
    }
}
