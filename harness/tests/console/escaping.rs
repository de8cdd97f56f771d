//! The console escapes names and descriptions from requests, wherever it shows them.

use keysync_testkit::{Harness, lambda::Mode};
use serde_json::json;

use crate::visitor::Visitor;

const HOSTILE: &str = r#"<script>alert(1)</script>"><img src=x onerror=alert(1)>'&amp;"#;

#[tokio::test]
async fn hostile_names_are_escaped_on_every_page() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let manager = harness.manager().await.unwrap();
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
        "resources": [{
            "type": "application/vnd.ibm.kms.key+json", "name": HOSTILE, "description": HOSTILE, "extractable": false,
        }],
    });
    let request = manager.request(http::Method::POST, "/api/v2/keys").json(&body);
    let created = manager.send(request).await.unwrap();
    let key = created.body["resources"][0]["id"].as_str().unwrap();
    let crn = format!(
        "crn:v1:bluemix:public:cloud-object-storage:us-south:a/{}:{}:bucket:{}",
        harness.account(),
        harness.instance(),
        HOSTILE.replace(' ', "+")
    );
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.path_segments_mut().unwrap().extend(["api", "v2", "keys", key, "registrations", &crn]);
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.registration+json", "collectionTotal": 1},
        "resources": [{"description": HOSTILE, "preventKeyDeletion": false}],
    });
    let request = manager.request(http::Method::POST, url.path()).json(&body);
    manager.send(request).await.unwrap().assert_status(201);

    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let keys = format!("/console/instances/{}/keys", harness.instance());
    let query: String = reqwest::Url::parse_with_params(
        "http://x/",
        [("search", HOSTILE), ("filter", HOSTILE), ("state", HOSTILE)],
    )
    .unwrap()
    .query()
    .unwrap()
    .to_owned();
    for path in [
        format!("{keys}?{query}"),
        format!("{keys}/{key}/resources"),
        format!("{keys}/{key}/resources?{query}"),
        format!("{keys}/{key}/actions/delete"),
        format!("{keys}/{key}/live"),
        // Not shown: `next` names no page of the console.
        format!("/console/login?next={}", query.replace("search=", "")),
    ] {
        let html = visitor.open(&path).await.html;
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{path}: {html}");
        let shows_no_names = path.contains("live") || path.contains("login");
        assert!(shows_no_names || html.contains("&lt;script&gt;alert(1)"), "{path} shows it: {html}");
    }
}
