//! G1: of any number of simultaneous requests for one key, across any number of processes, exactly
//! one gets 204.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use keysync_testkit::{Client, HarnessBuilder, lambda::Mode};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{binaries, world_of};

/// The time in which a client retries a 503.
const RETRY_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn one_request_wins_across_two_processes() {
    one_request_wins(binaries().mode(Mode::Process { environments: 2 })).await;
}

#[tokio::test]
async fn one_request_wins_across_concurrent_processes() {
    one_request_wins(binaries().mode(Mode::Process { environments: 2 }).concurrency(100)).await;
}

async fn one_request_wins(builder: HarnessBuilder) {
    let world = world_of(builder).await;
    assert_eq!(world.harness.sync_function().process().unwrap().process_ids().len(), 2);
    let mut requests = JoinSet::new();
    let count = simultaneous_requests();
    for n in 0..count {
        let (manager, key) = (world.manager.clone(), world.key.clone());
        requests.spawn(async move { final_status(&manager, &key, &format!("request-{n}")).await });
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

/// The status of a sync whose client repeats the request, with the same correlation id, while the
/// response is 503: on a busy machine, calls to DynamoDB exceed the function's timeout of 1.5 s.
///
/// # Panics
///
/// If the status is still 503 after [`RETRY_LIMIT`].
async fn final_status(client: &Client, key: &str, correlation_id: &str) -> u16 {
    let path = format!("/api/v2/keys/{key}/actions/sync");
    let retried = async {
        loop {
            let request = client.request(Method::POST, &path).header("correlation-id", correlation_id);
            let status = client.send(request).await.unwrap().status.as_u16();
            if status != 503 {
                return status;
            }
        }
    };
    timeout(RETRY_LIMIT, retried).await.expect("a status other than 503 within the retry limit")
}

/// The number of simultaneous requests, for each of which DynamoDB has to respond within 1.5 s. The
/// second engine handles one at a time, in about 15 ms on an idle machine.
fn simultaneous_requests() -> usize {
    if std::env::var_os("KEYSYNC_TEST_DYNAMODB").is_some() { 20 } else { 200 }
}
