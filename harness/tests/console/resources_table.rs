//! The table of associated resources: filters by service, retention policy and status, and sorting.

use http::Method;
use keysync_testkit::{Harness, lambda::Mode, services::Behaviour};
use serde_json::json;

use crate::visitor::Visitor;

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// A key with two buckets, of which one has a retention policy, and a database whose service fails.
async fn world() -> (Harness, Visitor, String) {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let key = harness.new_key("invoices").with_registration(STORAGE, "alpha");
    let key = key.with_registration(DATABASES, "beta").create().await.unwrap();
    let crn = format!(
        "crn%3Av1%3Abluemix%3Apublic%3A{STORAGE}%3Aus-south%3Aa%2F{}%3A{}%3Abucket%3Agamma",
        harness.account(),
        harness.instance()
    );
    let body = json!({
        "metadata": {"collectionType": "application/vnd.ibm.kms.registration_input+json", "collectionTotal": 1},
        "resources": [{"preventKeyDeletion": true, "description": ""}],
    });
    let manager = harness.manager().await.unwrap();
    let request = manager.request(Method::POST, &format!("/api/v2/keys/{}/registrations/{crn}", key.id()));
    manager.send(request.json(&body)).await.unwrap().assert_status(201);
    harness.databases().behave(Behaviour::respond(503));
    key.sync().await.unwrap().assert_status(204);
    let visitor = Visitor::logged_in(&harness, harness.api_key()).await;
    let path = format!("/console/instances/{}/keys/{}/resources", harness.instance(), key.id());
    (harness, visitor, path)
}

/// The resources in the table, in order.
async fn resources(visitor: &Visitor, url: &str) -> Vec<String> {
    let html = visitor.open(url).await.html;
    let Some(table) = html.split("<table id=\"registrations\"").nth(1) else { return vec![] };
    let rows = table.split("<th scope=\"row\"").skip(1);
    rows.map(|row| row.split("</bdi>").next().unwrap().rsplit('>').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn resources_are_filtered_by_each_property() {
    let (_harness, visitor, path) = world().await;
    for (query, expected) in [
        ("", &["alpha", "gamma", "beta"][..]),
        ("service=databases-for-postgresql", &["beta"]),
        ("policy=prevents-deletion", &["gamma"]),
        ("policy=none", &["alpha", "beta"]),
        ("status=retrying", &["beta"]),
        ("status=delivered&policy=none", &["alpha"]),
        ("status=delivered&service=databases-for-postgresql", &[]),
        ("filter=GAM", &["gamma"]),
    ] {
        assert_eq!(resources(&visitor, &format!("{path}?{query}")).await, expected, "{query}");
    }
}

#[tokio::test]
async fn resources_are_sorted_by_each_column() {
    let (_harness, visitor, path) = world().await;
    for (sort, expected) in [
        ("resource", ["alpha", "beta", "gamma"]),
        ("-resource", ["gamma", "beta", "alpha"]),
        ("-service", ["beta", "alpha", "gamma"]),
        ("policy", ["gamma", "alpha", "beta"]),
        ("status", ["beta", "alpha", "gamma"]),
        ("unknown", ["alpha", "gamma", "beta"]),
    ] {
        assert_eq!(resources(&visitor, &format!("{path}?sort={sort}")).await, expected, "{sort}");
    }
    let html = visitor.open(&format!("{path}?sort=resource&policy=none")).await.html;
    assert!(html.contains("aria-sort=\"ascending\""), "{html}");
    assert!(html.contains("policy=none&amp;status=&amp;sort=-resource\""), "the filter is kept: {html}");
}

#[tokio::test]
async fn keys_are_sorted_by_the_api() {
    let (harness, visitor, _) = world().await;
    harness.new_key("deleted").create().await.unwrap().delete().await.unwrap().assert_status(204);
    let keys = format!("/console/instances/{}/keys", harness.instance());
    let order = async |sort: &str| {
        let text = visitor.open(&format!("{keys}?sort={sort}")).await.text();
        text.find("deleted").unwrap() < text.find("invoices").unwrap()
    };
    assert!(order("-state").await && !order("state").await && order("").await);
    assert!(visitor.open(&format!("{keys}?sort=-state")).await.html.contains("aria-sort=\"descending\""));
}
