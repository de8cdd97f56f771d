//! The service registry: documents that the functions accept are those of the published schema, and
//! each field has its effect on deliveries.

use std::time::Duration;

use keysync::delivery::{AddressPolicy, Registry};
use keysync_testkit::services::Behaviour;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{World, binaries, text, world_of};

const SCHEMA: &str = include_str!("../../docs/reference/services.schema.json");
/// `tests/infra/test_services.py` checks `infra/deploy` with the same documents.
const DOCUMENTS: &str = include_str!("../shared/service_registries.json");

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

#[derive(Deserialize)]
struct Case {
    name: String,
    document: String,
    accepted: bool,
    /// Whether the schema accepts what the functions reject: it cannot state every rule.
    #[serde(default)]
    accepted_by_schema: bool,
}

#[test]
fn functions_accept_what_the_schema_accepts() {
    let schema: Value = SCHEMA.parse().unwrap();
    jsonschema::draft202012::meta::validate(&schema).map_err(|error| error.to_string()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for example in schema["examples"].as_array().unwrap() {
        assert!(Registry::from_json(&example.to_string(), AddressPolicy::PublicOnly).is_ok());
        assert!(validator.is_valid(example));
    }
    let documents: Vec<Case> = serde_json::from_str(DOCUMENTS).unwrap();
    for Case { name, document, accepted, accepted_by_schema } in documents {
        let parsed = Registry::from_json(&document, AddressPolicy::PublicOnly);
        assert_eq!(parsed.is_ok(), accepted, "{name}: {parsed:?}");
        let is_valid = serde_json::from_str(&document).is_ok_and(|document| validator.is_valid(&document));
        assert_eq!(is_valid, accepted || accepted_by_schema, "{name}");
    }
}

/// The status of the last notification at a service.
async fn status(world: &World, service: &str) -> String {
    let path = format!("/api/v2/keys/{}/notifications", world.key);
    let response = world.manager.send(world.manager.request(http::Method::GET, &path)).await.unwrap();
    let services = response.body["resources"].as_array().unwrap();
    text(&services.iter().find(|it| it["service"] == service).unwrap()["status"])
}

#[tokio::test]
async fn paused_service_gets_no_callback() {
    let world = world_of(binaries().service_setting(DATABASES, "paused", true)).await;
    world.sync().await.assert_status(204);
    assert_eq!(status(&world, STORAGE).await, "delivered");
    world.take("actions/rotate").await.assert_status(204);
    world.harness.object_storage().wait_for(2).await;
    for _ in 0..3 {
        world.advance_clock(Duration::from_hours(25)).await;
        let summary = world.redeliver().await;
        assert_eq!((summary.retrying, summary.failed), (0, 0), "{summary:?}");
    }
    assert_eq!(status(&world, DATABASES).await, "pending", "longer than retries would take");
    assert!(world.harness.databases().received().is_empty());
}

#[tokio::test]
async fn paused_service_is_overdue_after_its_deadline() {
    let builder = binaries().service_setting(DATABASES, "paused", true);
    let world = world_of(builder.service_setting(DATABASES, "acknowledges", true)).await;
    world.sync().await.assert_status(204);
    world.advance_clock(Duration::from_mins(245) + Duration::from_millis(1)).await;
    let summary = world.redeliver().await;
    assert_eq!((summary.overdue, summary.delivered), (1, 0), "a pause hides nothing: {summary:?}");
    assert_eq!(status(&world, DATABASES).await, "overdue");
}

#[tokio::test]
async fn own_timeout_replaces_that_of_all_services() {
    let builder = binaries().env("KEYSYNC_CALLBACK_TIMEOUT", "20s");
    let world = world_of(builder.service_setting(DATABASES, "timeoutSeconds", 1)).await;
    world.harness.databases().behave(Behaviour::Hang);
    world.sync().await.assert_status(204);
    let outcome = &world.item().await["outcome"][DATABASES];
    assert_eq!(
        (&outcome["status"], &outcome["reason"]),
        (&"retrying".into(), &"no response within 1000 ms".into())
    );
}
