//! Every write of the functions sets each attribute by its own placeholder. Some engines share one
//! map between all attributes that an expression sets by the same placeholder: a later write below
//! one of them would show below the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use keysync::domain::KeyCrn;
use serde_json::Value;

use crate::support::{World, text, world};

/// The update expressions of a call.
fn expressions(request: &str) -> Vec<String> {
    let request: Value = serde_json::from_str(request).unwrap();
    let transaction = request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Update"]);
    let writes = transaction.chain([&request]);
    writes.filter_map(|write| Some(write["UpdateExpression"].as_str()?.to_owned())).collect()
}

/// The number of uses of each value placeholder in an expression.
fn placeholders(expression: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for rest in expression.split(':').skip(1) {
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
        *found.entry(name.to_owned()).or_default() += 1;
    }
    found
}

/// Triggers every write of the functions, and returns the update expressions.
async fn every_write(world: &World) -> BTreeSet<String> {
    let (events, clock) = (world.harness.events(), world.harness.clock());
    let crn: KeyCrn = text(&world.item().await["crn"]).parse().unwrap();
    world.another_key().await; // recorded without a notification
    assert_eq!(world.sync().await.status, 204); // claimed, confirmed
    let event = world.harness.object_storage().received()[0].json();
    events.acknowledgement(&crn, &text(&event["id"]), "DEK_ENABLED", None, clock.now()).processed().await;
    let buckets =
        ["a", "b"].map(|name| format!("crn:v1:bluemix:public:data-catalog:global:a/x:y:bucket:{name}"));
    for (later, registered) in [(0, true), (1, false)] {
        for bucket in &buckets {
            let at = clock.now().plus(Duration::from_secs(later));
            events.registration(&crn, &bucket.parse().unwrap(), registered, at).processed().await;
        }
    }
    world.plant(&["cloud-object-storage"], clock.now()).await;
    world.plant(&["service-without-address"], clock.now()).await;
    assert_eq!(world.redeliver().await.delivered, 1); // leased, confirmed
    assert_eq!(world.manager.delete(&world.key).await.unwrap().status, 204); // recorded with a notification
    events.purge(&crn, clock.now()).processed().await;
    let dynamo = world.harness.dynamodb();
    let proxies = [dynamo.proxy(), dynamo.lifecycle_proxy(), dynamo.redeliver_proxy()];
    let calls = proxies.into_iter().flat_map(keysync_testkit::dynamodb::Proxy::calls);
    calls.flat_map(|call| expressions(&call.request)).collect()
}

#[tokio::test]
async fn each_placeholder_sets_one_attribute() {
    let world = world().await;
    let expressions = every_write(&world).await;
    let is_written = |part: &str| expressions.iter().any(|expression| expression.contains(part));
    for part in [
        "#pending = #services",                            // the claim
        "#pending = if_not_exists(#services",              // the record
        "#pending = :pending",                             // the confirmation
        "#due_at = :until",                                // the lease
        "#acknowledged.#service = :acknowledgement",       // the acknowledgement
        "#purged_at = :purged_at",                         // the purge
        "if_not_exists(#services.#service, :zero) + :one", // a registration added
        "#services.#service - :one",                       // one removed
        "REMOVE #services.#service",                       // the last one removed
    ] {
        assert!(is_written(part), "`{part}` was not written:\n{expressions:#?}");
    }
    for expression in &expressions {
        let twice: Vec<_> = placeholders(expression).into_iter().filter(|(_, times)| *times > 1).collect();
        assert!(twice.is_empty(), "{twice:?} in `{expression}`");
    }
}
