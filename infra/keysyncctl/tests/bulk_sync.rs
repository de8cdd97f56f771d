//! `keysyncctl sync` against the harness.

use keysync_testkit::{Harness, Key, services::Behaviour};
use serde_json::Value;

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, STOPPED, USAGE, run, with_harness},
};

const OBJECT_STORAGE: &str = "cloud-object-storage";

/// A harness with `count` root keys, each with a bucket.
async fn harness_with_keys(count: usize) -> (Harness, Vec<Key>) {
    let harness = binaries().start().await.unwrap();
    let mut keys = Vec::new();
    for n in 0..count {
        let key =
            harness.new_key(&format!("key-{n}")).with_registration(OBJECT_STORAGE, &format!("bucket-{n}"));
        keys.push(key.create().await.unwrap());
    }
    (harness, keys)
}

fn crn(harness: &Harness, key: &str) -> String {
    let (account, instance) = (harness.account(), harness.instance());
    format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}")
}

#[tokio::test]
async fn all_keys_are_synchronized_and_reported() {
    let (harness, keys) = harness_with_keys(5).await;
    harness.new_key("standard").standard().create().await.unwrap();
    keys[0].delete().await.unwrap().assert_status(204);
    let folder = Folder::new();

    let result = run(
        &folder,
        &harness,
        &["sync", "--all", "--page-size", "2", "--report-csv", "report.csv", "--json"],
    );
    let result = result.await.expect(DONE).json();

    let lines = result.as_array().unwrap();
    assert_eq!(lines.len(), 5, "no standard key: {result}");
    let outcome_of = |key: &Key| {
        let line = lines.iter().find(|line| line["crn"].as_str().unwrap().ends_with(key.id())).unwrap();
        (line["outcome"].as_str().unwrap(), line["status"].as_u64().unwrap())
    };
    assert_eq!(outcome_of(&keys[0]), ("too-early", 409), "it was deleted just now");
    for key in &keys[1..] {
        assert_eq!(outcome_of(key), ("accepted", 204));
    }
    let statuses = lines.iter().flat_map(|line| line["services"].as_array().unwrap());
    assert!(
        statuses.clone().count() == 5 && statuses.clone().all(|status| status["service"] == OBJECT_STORAGE)
    );
    let report = folder.read("report.csv");
    assert_eq!(report.lines().count(), 6);
    assert!(report.contains(&format!("{OBJECT_STORAGE}=")), "{report}");
}

#[tokio::test]
async fn dry_run_lists_keys_and_sends_nothing() {
    let (harness, keys) = harness_with_keys(2).await;
    let folder = Folder::new();
    let listed = run(&folder, &harness, &["sync", "--all", "--dry-run"]).await.expect(DONE);
    assert!(keys.iter().all(|key| listed.out.contains(key.id())), "{}", listed.out);
    assert_eq!(folder.read(&format!("keysyncctl-sync-{}.jsonl", harness.instance())), "");
    assert!(harness.object_storage().received().is_empty());
}

#[tokio::test]
async fn finished_run_is_not_repeated() {
    let (harness, keys) = harness_with_keys(1).await;
    let folder = Folder::new();
    run(&folder, &harness, &["sync", "--all"]).await.expect(DONE);
    let again = run(&folder, &harness, &["sync", "--all", "--json"]).await.expect(DONE);
    assert_eq!(again.json()[0]["outcome"], "accepted", "the result of the first run");
    assert!(again.err.contains("1 of 1 keys have a result"), "{}", again.err);
    let fresh =
        run(&folder, &harness, &["sync", "--all", "--state", "other.jsonl", "--json"]).await.expect(DONE);
    let fresh = fresh.json();
    assert_eq!((&fresh[0]["outcome"], &fresh[0]["status"]), (&"too-early".into(), &409.into()));
    assert!(fresh[0]["allowed_from"].as_str().is_some_and(|at| at.ends_with('Z')), "{fresh}");
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn csv_selects_keys_and_reports_unknown_ones() {
    let (harness, keys) = harness_with_keys(2).await;
    let (folder, unknown) = (Folder::new(), "02fd6835-6001-4482-a892-13bd2085f75d");
    let csv = format!("name,crn\nfirst,{}\nlost,{}\n", crn(&harness, keys[1].id()), crn(&harness, unknown));
    folder.write("keys.csv", &csv);
    let result =
        run(&folder, &harness, &["sync", "--csv", "keys.csv", "--json"]).await.expect(SOME_FAILED).json();
    let codes: Vec<&Value> = result.as_array().unwrap().iter().map(|line| &line["code"]).collect();
    assert_eq!(codes, [&Value::Null, &"KEY_NOT_FOUND_ERR".into()]);
    assert_eq!(result[1]["outcome"], "rejected");
}

#[tokio::test]
async fn status_of_failing_service_is_reported() {
    let (harness, _) = harness_with_keys(1).await;
    harness.object_storage().behave(Behaviour::respond(503));
    let shown = run(&Folder::new(), &harness, &["sync", "--all"]).await.expect(DONE);
    assert!(shown.out.contains("retrying") && shown.out.contains("1 keys: 1 accepted"), "{}", shown.out);
}

#[tokio::test]
async fn wrong_api_key_stops_before_any_sync() {
    let (harness, _) = harness_with_keys(1).await;
    let folder = Folder::new();
    let mut command = folder.command(&["sync", "--all"]);
    let command = with_harness(&mut command, &harness).env("IBMCLOUD_API_KEY", "wrong-secret");
    let stopped = Run::of(command).await.expect(STOPPED);
    assert!(stopped.err.contains("BXNIM0415E") && !stopped.err.contains("wrong-secret"), "{}", stopped.err);
    assert!(harness.object_storage().received().is_empty());
}

#[tokio::test]
async fn reader_gets_401_for_each_key() {
    let (harness, _) = harness_with_keys(1).await;
    let folder = Folder::new();
    let file = folder.write("api-key", &format!("{}\n", harness.reader_api_key()));
    let arguments = ["sync", "--all", "--api-key-file", file.to_str().unwrap(), "--json"];
    let result = run(&folder, &harness, &arguments).await.expect(SOME_FAILED).json();
    assert_eq!(result[0]["code"], "UNAUTHORIZED_ERR");
}

#[tokio::test]
async fn invalid_input_is_usage_error() {
    let folder = Folder::new();
    folder.write("bad.csv", "crn\nnot a crn\n");
    let https = ["--endpoint", "https://kms.example", "--instance", "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"];
    let http = ["--endpoint", "http://kms.example", "--instance", "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11"];
    for (arguments, expected) in [
        ([&["sync"][..], &https].concat(), "--all"),
        ([&["sync", "--all"][..], &http].concat(), "https://"),
        ([&["sync", "--csv", "bad.csv"][..], &https].concat(), "line 2"),
        ([&["sync", "--all", "--report-csv", "no/such/folder"][..], &https].concat(), "cannot write"),
        ([&["sync", "--all"][..], &https].concat(), "IBMCLOUD_API_KEY"),
    ] {
        let run = Run::of(&mut folder.command(&arguments)).await.expect(USAGE);
        assert!(run.err.contains(expected), "{arguments:?}: {}", run.err);
    }
}
