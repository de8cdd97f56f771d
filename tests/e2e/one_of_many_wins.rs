//! G1: of any number of simultaneous requests for one key, over any number of processes, one gets 204.

use std::collections::BTreeMap;

use keysync_testkit::{Harness, HarnessBuilder, lambda::Mode};
use tokio::task::JoinSet;

use crate::support::world_of;

#[tokio::test]
async fn of_many_requests_over_two_processes_one_wins() {
    of_many_requests(Harness::builder().mode(Mode::Process { environments: 2 })).await;
}

#[tokio::test]
async fn of_many_requests_in_concurrent_processes_one_wins() {
    of_many_requests(Harness::builder().mode(Mode::Process { environments: 2 }).concurrency(100)).await;
}

async fn of_many_requests(builder: HarnessBuilder) {
    let world = world_of(builder).await;
    assert_eq!(world.harness.sync_function().process().unwrap().process_ids().len(), 2);
    let mut requests = JoinSet::new();
    let count = simultaneous_requests();
    for _ in 0..count {
        let (manager, key) = (world.manager.clone(), world.key.clone());
        requests.spawn(async move { manager.sync(&key).await.unwrap().status.as_u16() });
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(status) = requests.join_next().await {
        *answers.entry(status.unwrap()).or_default() += 1;
    }
    assert_eq!(answers, BTreeMap::from([(204, 1), (409, count - 1)]));
    for service in world.harness.services() {
        assert_eq!(service.received().len(), 1, "{} was told once", service.name());
    }
}

/// How many requests may be made at once, each of which DynamoDB has to answer within 1.5 s: the second engine takes one
/// after the other, 15 ms each where the machine has nothing else to do.
fn simultaneous_requests() -> usize {
    if std::env::var_os("KEYSYNC_TEST_DYNAMODB").is_some() { 20 } else { 200 }
}
