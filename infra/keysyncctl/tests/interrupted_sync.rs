//! `keysyncctl sync` that is killed and continued.

use std::time::Duration;

use keysync_testkit::httpmock::MockServer;

use crate::{
    support::{DONE, Folder, Run, until},
    throttled_sync::{command, keys, with_iam, with_syncs},
};

#[tokio::test]
async fn killed_run_continues_without_repeating() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    let received = with_syncs(&server, Duration::from_millis(300), |_| (204, None)).await;
    keys(&folder, 6);
    let arguments = ["--csv", "keys.csv", "--concurrency", "1", "--state", "state.jsonl", "--no-status"];
    let mut first = command(&folder, &server, &arguments).spawn().unwrap();
    // Two keys have a result, and the request for the third is on its way.
    let lines = |kind: &str| folder.read("state.jsonl").lines().filter(|line| line.contains(kind)).count();
    until("the third request", || lines("finished") == 2 && lines("started") == 3).await;
    first.kill().await.unwrap(); // SIGKILL
    assert_eq!((lines("finished"), lines("started")), (2, 3));

    let result = Run::of(&mut command(&folder, &server, &arguments)).await.expect(DONE).json();

    let accepted = result.as_array().unwrap().iter().filter(|line| line["outcome"] == "accepted").count();
    assert_eq!(accepted, 6, "{result}");
    let received = received.lock().unwrap();
    let mut by_key: Vec<(String, Vec<String>)> = Vec::new();
    for (key, id, _) in received.iter() {
        match by_key.iter_mut().find(|(other, _)| other == key) {
            Some((_, ids)) => ids.push(id.clone()),
            None => by_key.push((key.clone(), vec![id.clone()])),
        }
    }
    assert_eq!(by_key.len(), 6);
    for (n, (key, ids)) in by_key.iter().enumerate() {
        assert!(ids.len() <= if n == 2 { 2 } else { 1 }, "{key} was synchronized again: {ids:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "the interrupted request is repeated, not replaced");
    }
}
