//! Listing keys: search, filters, sorting and counting.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::kms::{endpoint, status_and_code};

const MATERIAL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn keys_are_searched_filtered_and_sorted() {
    let endpoint = endpoint().await;
    let manager = &endpoint.manager;
    let first =
        manager.create(json!({"name": "Invoices", "extractable": false, "aliases": ["billing"]})).await;
    endpoint.advance_clock(HOUR).await;
    let second = manager.create(json!({"name": "invoices-2026", "payload": MATERIAL})).await;
    endpoint.advance_clock(HOUR).await;
    let third =
        manager.create(json!({"name": "backups", "extractable": false, "aliases": ["invoices"]})).await;
    manager.act(&format!("keys/{third}/actions/disable")).await.assert_status(204);
    endpoint.advance_clock(HOUR).await;
    let fourth = manager.create_root_key("gone").await;
    manager.delete(&format!("keys/{fourth}")).await.assert_status(204);

    let all = [first, second, third, fourth];
    for (query, expected) in [
        ("sort=creationDate", &[0, 1, 2][..]),
        ("sort=-creationDate", &[2, 1, 0]),
        ("sort=-extractable,creationDate", &[1, 0, 2]),
        ("sort=-imported,-creationDate", &[1, 2, 0]),
        ("sort=creationDate&state=", &[0, 1, 2]),
        ("sort=creationDate&limit=2", &[0, 1]),
        ("sort=creationDate&limit=2&offset=2", &[2]),
        ("sort=creationDate&state=5", &[3]),
        ("sort=creationDate&state=1,5", &[0, 1, 3]),
        ("sort=creationDate&state=1&state=2", &[0, 1, 2]),
        ("sort=creationDate&extractable=false", &[0, 2]),
        ("sort=creationDate&search=invoices", &[2, 0, 1]),
        ("sort=creationDate&search=name:invoices", &[0, 1]),
        ("sort=creationDate&search=exact:name:invoices", &[0]),
        ("sort=creationDate&search=alias:bill", &[0]),
        ("sort=creationDate&search=not:invoices", &[]),
        ("sort=creationDate&search=not:name:invoices", &[2]),
        ("filter=state%3D2,5+extractable%3Dfalse&sort=creationDate", &[2, 3]),
        ("filter=creationDate%3Dgt:%222027-01-15T08:00:00Z%22&sort=creationDate", &[1, 2]),
        ("filter=creationDate%3D%222027-01-15T08:00:00Z%22", &[0]),
        ("filter=lastRotateDate%3Dnone&sort=creationDate", &[0, 1, 2]),
    ] {
        let expected: Vec<_> = expected.iter().map(|n| all[*n].clone()).collect();
        assert_eq!(manager.ids(&format!("keys?{query}")).await, expected, "{query}");
        if !query.contains("search") && !query.contains("limit") {
            let total = manager.call(Method::HEAD, &format!("keys?{query}"), None).await;
            assert_eq!(
                (total.status.as_u16(), total.header("key-total")),
                (200, expected.len().to_string().as_str()),
                "{query}"
            );
        }
    }
    assert_eq!(manager.ids(&format!("keys?search={}", all[1])).await, [all[1].clone()], "by id");
    let searched = manager.get("keys?search=exact:not:foo").await.body;
    assert_eq!(
        searched["metadata"]["searchQuery"],
        json!({"query": "foo", "scopes": ["name", "alias"], "not": true, "exact": true})
    );
    assert!(manager.ids("keys").await.is_sorted(), "sorted by id by default");
}

#[tokio::test]
async fn invalid_query_is_rejected() {
    let endpoint = endpoint().await;
    for query in [
        "limit=0",
        "limit=5001",
        "offset=x",
        "state=7",
        "state=1,",
        "extractable=maybe",
        "search=",
        "sort=name",
        "filter=name%3Dx",
        "filter=state%3D1&state=1",
        "filter=extractable%3Dtrue&extractable=true",
    ] {
        let response = endpoint.manager.get(&format!("keys?{query}")).await;
        assert_eq!(status_and_code(&response), (400, "INVALID_FIELD_ERR"), "{query}");
    }
}
