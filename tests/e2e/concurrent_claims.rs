//! G1: of any number of simultaneous requests for one key, across any number of processes, exactly
//! one gets 204.

use std::collections::BTreeMap;

use keysync_testkit::{Harness, HarnessBuilder, lambda::Mode};
use tokio::task::JoinSet;

use crate::support::world_of;

#[tokio::test]
async fn one_request_wins_across_two_processes() {
    one_request_wins(Harness::builder().mode(Mode::Process { environments: 2 })).await;
}

#[tokio::test]
async fn one_request_wins_across_concurrent_processes() {
    one_request_wins(Harness::builder().mode(Mode::Process { environments: 2 }).concurrency(100)).await;
}

async fn one_request_wins(builder: HarnessBuilder) {
    let world = world_of(builder).await;
    assert_eq!(world.harness.sync_function().process().unwrap().process_ids().len(), 2);
    let mut requests = JoinSet::new();
    let count = simultaneous_requests();
    for _ in 0..count {
        let (manager, key) = (world.manager.clone(), world.key.clone());
        requests.spawn(async move { manager.sync(&key).await.unwrap().status.as_u16() });
    }
    let mut responses: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(status) = requests.join_next().await {
        *responses.entry(status.unwrap()).or_default() += 1;
    }
    assert_eq!(responses, BTreeMap::from([(204, 1), (409, count - 1)]));
    for service in world.harness.services() {
        assert_eq!(service.received().len(), 1, "{} was notified once", service.name());
    }
}

/// The number of simultaneous requests, for each of which DynamoDB has to respond within 1.5 s. The
/// second engine handles one at a time, in about 15 ms on an idle machine.
fn simultaneous_requests() -> usize {
    if std::env::var_os("KEYSYNC_TEST_DYNAMODB").is_some() { 20 } else { 200 }
}
