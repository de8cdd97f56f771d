//! `keysyncctl import` and `verify`: the keys of one harness's endpoint, in the table of another.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use keysync_testkit::{Harness, Key};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, until, with_harness, with_table},
    synthetic_endpoint::{SyntheticEndpoint, key_id},
    synthetic_table::SyntheticTable,
};

const STORAGE: &str = "cloud-object-storage";

/// The command with the endpoint of `source` and the table of `target`.
fn command(folder: &Folder, source: &Harness, target: &Harness, arguments: &[&str]) -> Command {
    let mut command = folder.command(&[arguments, &["--json"]].concat());
    with_harness(&mut command, source)
        .env("AWS_ENDPOINT_URL_DYNAMODB", target.dynamodb().url())
        .env("KEYSYNC_TABLE", target.table());
    command
}

async fn run(folder: &Folder, source: &Harness, target: &Harness, arguments: &[&str]) -> Run {
    Run::of(&mut command(folder, source, target, arguments)).await
}

/// An endpoint with keys in each state, and an empty deployment.
async fn two_harnesses() -> (Harness, Harness, Vec<Key>) {
    let source = binaries().start().await.unwrap();
    let target = binaries().start().await.unwrap();
    let mut keys = Vec::new();
    for name in ["active", "rotated", "suspended", "deleted"] {
        let key = source.new_key(name).with_registration(STORAGE, &format!("{name}-1"));
        keys.push(key.with_registration(STORAGE, &format!("{name}-2")).create().await.unwrap());
    }
    keys[1].rotate().await.unwrap().assert_status(204);
    keys[2].disable().await.unwrap().assert_status(204);
    keys[3].delete().await.unwrap().assert_status(204);
    source.new_key("standard").standard().create().await.unwrap();
    (source, target, keys)
}

/// The stored item of a key.
async fn item(target: &Harness, key: &str) -> Value {
    let items = target.items().await.unwrap();
    let mut items = items.into_iter().filter(|item| item["sk"] == "key");
    items.find(|item| item["pk"].as_str().unwrap().ends_with(key)).unwrap_or_default()
}

#[tokio::test]
async fn import_makes_keys_known_and_notifies_no_service() {
    let (source, target, keys) = two_harnesses().await;
    let folder = Folder::new();
    let before = run(&folder, &source, &target, &["verify"]).await.expect(SOME_FAILED).json();
    let missing = before["differences"].as_array().unwrap();
    assert!(missing.len() == 5 && missing.iter().all(|difference| difference["what"] == "key"), "{before}");

    let items = target.items().await.unwrap();
    let dry = run(&folder, &source, &target, &["import", "--dry-run"]).await.expect(DONE).json();
    assert_eq!((&dry["keys"]["imported"], target.items().await.unwrap()), (&json!(5), items));

    let imported = run(&folder, &source, &target, &["import", "--page-size", "2"]).await.expect(DONE).json();
    assert_eq!(imported["keys"], json!({"imported": 5, "known": 0, "rejected": 0}));
    assert_eq!(imported["registrations"], json!({"imported": 8, "known": 0, "rejected": 0}));
    run(&folder, &source, &target, &["verify"]).await.expect(DONE);

    for (key, action, state) in
        [(&keys[0], "create", 1), (&keys[1], "rotate", 1), (&keys[2], "disable", 2), (&keys[3], "delete", 5)]
    {
        let item = item(&target, key.id()).await;
        assert_eq!((&item["event"]["action"], &item["state"]), (&json!(action), &json!(state)));
        assert_eq!(item["services"], json!({STORAGE: 2}));
        assert!(item.get("notified_at").is_none() && item.get("due_at").is_none(), "the window is open");
    }
    assert!(target.object_storage().received().is_empty());

    let items = target.items().await.unwrap();
    let again = ["import", "--state", "another.jsonl"];
    let again = run(&folder, &source, &target, &again).await.expect(DONE).json();
    assert_eq!((&again["keys"]["known"], &again["registrations"]["known"]), (&json!(5), &json!(8)));
    assert_eq!(target.items().await.unwrap(), items, "an import can be repeated");
}

/// Publishes an event about a key of `source` to the deployment `target`.
async fn publish(source: &Harness, target: &Harness, key: &Key, kind: &str, rest: Value) {
    let (account, instance) = (source.account(), source.instance());
    let mut detail = json!({
        "schemaVersion": 1,
        "keyCrn": format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{}", key.id()),
        "occurredAt": target.clock().now().to_string(),
    });
    detail.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let event = target.events().envelope(kind, &detail).to_string();
    target.events().publish_raw(&event).processed().await;
}

fn facts(key: &Key, state: u8) -> Value {
    json!({
        "keyType": "root", "keyState": state, "keyRing": "default",
        "keyVersion": {"id": key.id(), "creationDate": "2026-01-01T00:00:00Z"},
    })
}

#[tokio::test]
async fn import_overwrites_no_live_event() {
    let (source, target, keys) = two_harnesses().await;
    let folder = Folder::new();
    // Events that the endpoint's keys do not show yet, or that arrived before the import.
    publish(&source, &target, &keys[0], "kms.secrets.disable", facts(&keys[0], 2)).await;
    let (account, instance) = (source.account(), source.instance());
    let bucket = format!("crn:v1:bluemix:public:{STORAGE}:us-south:a/{account}:{instance}:bucket:rotated-1");
    publish(&source, &target, &keys[1], "kms.registrations.delete", json!({"resourceCrn": bucket})).await;

    let imported = run(&folder, &source, &target, &["import"]).await.expect(DONE).json();
    assert_eq!((&imported["keys"]["known"], &imported["registrations"]["known"]), (&json!(1), &json!(1)));
    assert_eq!(item(&target, keys[0].id()).await["state"], json!(2));
    assert_eq!(item(&target, keys[1].id()).await["services"], json!({STORAGE: 1}));
    let found = run(&folder, &source, &target, &["verify"]).await.expect(SOME_FAILED).json();
    let what = |n: usize| found["differences"][n]["what"].as_str().unwrap();
    assert_eq!(found["differences"].as_array().unwrap().len(), 2, "{found}");
    assert!([what(0), what(1)].contains(&"state"), "{found}");
    assert!([what(0), what(1)].iter().any(|what| what.ends_with("rotated-1")), "{found}");

    // A later event is newer, and notifies the services that were imported.
    publish(&source, &target, &keys[1], "kms.secrets.delete", facts(&keys[1], 5)).await;
    assert_eq!(target.object_storage().received().len(), 1);
    assert_eq!(item(&target, keys[1].id()).await["state"], json!(5));
}

#[tokio::test]
async fn import_continues_after_kill() {
    let target = binaries().start().await.unwrap();
    let (endpoint, folder) = (SyntheticEndpoint::start(10).await, Folder::new());
    endpoint.shared().delay = Duration::from_millis(300);
    endpoint.shared().throttled = 1;
    let arguments =
        ["import", "--page-size", "4", "--state", "state.jsonl", "--retry-wait", "10ms", "--json"];
    let mut first = with_table(&mut endpoint.command(&folder, &arguments), &target).spawn().unwrap();
    until("two pages", || folder.read("state.jsonl").lines().count() == 3).await;
    first.kill().await.unwrap(); // SIGKILL
    let offsets = std::mem::take(&mut endpoint.shared().offsets);
    assert!(offsets.starts_with(&[0, 3]), "{offsets:?}");

    let imported =
        Run::of(with_table(&mut endpoint.command(&folder, &arguments), &target)).await.expect(DONE).json();

    assert_eq!(imported["keys"]["rejected"], json!(0));
    assert!(endpoint.shared().offsets[0] >= 6, "pages that were written are not read again");
    for n in 0..10 {
        assert_eq!(item(&target, &key_id(n)).await["services"], json!({STORAGE: 1}), "key {n}");
    }
}

#[tokio::test]
async fn key_removed_while_listing_hides_no_other() {
    let target = binaries().start().await.unwrap();
    let (endpoint, folder) = (SyntheticEndpoint::start(12).await, Folder::new());
    endpoint.shared().removed_after = [(0, vec![0, 1]), (3, vec![2, 3])].into();
    let arguments = ["import", "--page-size", "4", "--json"];
    Run::of(with_table(&mut endpoint.command(&folder, &arguments), &target)).await.expect(DONE);
    for n in 4..12 {
        assert!(item(&target, &key_id(n)).await["event"].is_object(), "key {n} was skipped");
    }
}

/// Measures what `docs/how-to/backfill.md` says.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; cargo test --locked --workspace --test keysyncctl -- --ignored --nocapture 100000"]
async fn backfill_of_100000_keys_has_bounded_memory() {
    // A page of keys, and at most 160 bytes for each key.
    for (command, growth_kb) in [("verify", 16 * 1024), ("import", 8 * 1024)] {
        let mut peaks = Vec::new();
        for keys in [10_000, 100_000] {
            let (endpoint, table, folder) =
                (SyntheticEndpoint::start(keys).await, SyntheticTable::start(keys).await, Folder::new());
            let started = Instant::now();
            let mut run = endpoint.command(&folder, &[command, "--json"]);
            let (code, output, peak_kb) = measured(table.set(&mut run)).await;
            assert_eq!(code, Some(DONE), "{output}");
            eprintln!("{command} of {keys} keys: {:?}, {peak_kb} KB", started.elapsed());
            peaks.push(peak_kb);
        }
        assert!(peaks[1] < peaks[0] + growth_kb, "{command}: {peaks:?}");
    }
}

/// Runs a command to its end. Returns its exit code, its output and its peak memory in KB.
async fn measured(command: &mut Command) -> (Option<i32>, String, u64) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let (mut peak_kb, mut pause) = (0, tokio::time::interval(Duration::from_millis(50)));
    while child.try_wait().unwrap().is_none() {
        pause.tick().await;
        let status = procfs::process::Process::new(pid).and_then(|process| process.status());
        peak_kb = peak_kb.max(status.ok().and_then(|status| status.vmhwm).unwrap_or_default());
    }
    let output = child.wait_with_output().await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), peak_kb)
}
