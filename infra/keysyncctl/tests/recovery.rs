//! Lists, `show` and `replay` on the table of the harness.

use std::time::Duration;

use keysync_testkit::{Harness, Key, services::Behaviour};

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, STOPPED, USAGE, run},
};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// A harness with a key that protects a bucket and a database, and was synchronized while object
/// storage behaved like this.
async fn synchronized(behaviour: Behaviour) -> (Harness, Key) {
    let harness = binaries().acknowledging().start().await.unwrap();
    let key = harness.new_key("invoices").with_registration(STORAGE, "bucket");
    let key = key.with_registration(DATABASES, "db").create().await.unwrap();
    harness.object_storage().behave(behaviour);
    key.sync().await.unwrap().assert_status(204);
    (harness, key)
}

/// The same after retries are exhausted.
async fn exhausted() -> (Harness, Key) {
    let (harness, key) = synchronized(Behaviour::respond(503)).await;
    harness.advance_clock(Duration::from_hours(25)).await.unwrap();
    assert_eq!(harness.redeliver().await.unwrap().failed, 1);
    (harness, key)
}

fn short(harness: &Harness, key: &Key) -> String {
    format!("{}/{}", harness.instance(), key.id())
}

#[tokio::test]
async fn pending_and_retrying_name_service_and_reason() {
    let (harness, key) = synchronized(Behaviour::respond(503)).await;
    let folder = Folder::new();
    let pending = run(&folder, &harness, &["pending", "--json"]).await.expect(DONE).json();
    assert_eq!((pending.as_array().unwrap().len(), &pending[0]["service"]), (1, &STORAGE.into()));
    let retrying = run(&folder, &harness, &["retrying", "--json"]).await.expect(DONE).json();
    assert_eq!(retrying[0]["key"], short(&harness, &key).as_str());
    assert_eq!((&retrying[0]["attempts"], &retrying[0]["reason"]), (&1.into(), &"responded with 503".into()));
    for other in [["--service", DATABASES], ["--older-than", "1h"]] {
        let none = run(&folder, &harness, &[&["retrying", "--json"][..], &other].concat()).await.expect(DONE);
        assert_eq!(none.json(), serde_json::json!([]), "{other:?}");
    }
}

#[tokio::test]
async fn failed_notification_is_listed_replayed_and_delivered() {
    let (harness, key) = exhausted().await;
    let folder = Folder::new();
    harness.object_storage().behave(Behaviour::Act);
    let listed = run(&folder, &harness, &["failed", "--quiet"]).await.expect(DONE).out;
    assert_eq!(listed.trim(), short(&harness, &key));
    folder.write("keys", &listed);
    let replay = ["replay", "--keys", "keys", "--reason", "outage is over", "--operator", "ada", "--json"];

    let items = harness.items().await.unwrap();
    let dry = run(&folder, &harness, &[&replay[..], &["--dry-run"]].concat()).await.expect(DONE).json();
    assert_eq!(dry[0]["services"], serde_json::json!([STORAGE]));
    assert_eq!(harness.items().await.unwrap(), items, "a dry run changes nothing");

    run(&folder, &harness, &replay).await.expect(DONE);
    assert_eq!(harness.redeliver().await.unwrap().delivered, 1);

    let shown = run(&folder, &harness, &["show", &short(&harness, &key), "--json"]).await.expect(DONE).json();
    assert_eq!(
        (&shown["replay"]["operator"], &shown["replay"]["reason"]),
        (&"ada".into(), &"outage is over".into())
    );
    let storage =
        shown["services"].as_array().unwrap().iter().find(|view| view["service"] == STORAGE).unwrap();
    assert!(["delivered", "acknowledged"].contains(&storage["state"].as_str().unwrap()), "{storage}");
    assert_eq!(
        run(&folder, &harness, &["failed", "--json"]).await.expect(DONE).json(),
        serde_json::json!([])
    );
}

#[tokio::test]
async fn unacknowledged_notification_is_overdue_after_four_hours() {
    let (harness, key) = synchronized(Behaviour::AckWithoutActing).await;
    let folder = Folder::new();
    let overdue = ["overdue", "--service", STORAGE, "--json"];
    assert_eq!(run(&folder, &harness, &overdue).await.expect(DONE).json(), serde_json::json!([]));
    harness.advance_clock(Duration::from_hours(4) + Duration::from_secs(1)).await.unwrap();
    let listed = run(&folder, &harness, &overdue).await.expect(DONE).json();
    assert_eq!(listed[0]["key"], short(&harness, &key).as_str());

    // Settled services are replayed to only by name.
    let replay = ["replay", &short(&harness, &key), "--reason", "bucket readable", "--operator", "ada"];
    let none = run(&folder, &harness, &replay).await.expect(DONE);
    assert!(none.out.contains("nothing to replay"), "{}", none.out);
    harness.object_storage().behave(Behaviour::Act);
    let replayed =
        run(&folder, &harness, &[&replay[..], &["--service", STORAGE]].concat()).await.expect(DONE);
    assert!(replayed.out.contains("may ignore it"), "{}", replayed.out);
    let listed = run(&folder, &harness, &overdue).await.expect(DONE).json();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["paused"]),
        (&"overdue".into(), &false.into()),
        "and pending"
    );
    harness.redeliver().await.unwrap();
    // The acknowledgement arrives as an event.
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    let acknowledged = async {
        while run(&folder, &harness, &overdue).await.expect(DONE).json() != serde_json::json!([]) {
            pause.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), acknowledged).await.expect("an acknowledgement");
}

#[tokio::test]
async fn paused_service_is_listed_and_resumed() {
    let (harness, key) = exhausted().await;
    let folder = Folder::new();
    harness.object_storage().behave(Behaviour::Act);
    let pause = ["pause", STORAGE, "--reason", "bucket is moved", "--operator", "ada", "--json"];
    let items = harness.items().await.unwrap();
    let dry = run(&folder, &harness, &[&pause[..], &["--dry-run"]].concat()).await.expect(DONE).json();
    assert_eq!(dry["result"], "would be paused");
    assert_eq!(harness.items().await.unwrap(), items, "a dry run changes nothing");
    for result in ["paused", "already paused"] {
        assert_eq!(run(&folder, &harness, &pause).await.expect(DONE).json()["result"], result);
    }
    let paused = run(&folder, &harness, &["paused", "--json"]).await.expect(DONE).json();
    assert_eq!((&paused[0]["service"], &paused[0]["reason"]), (&STORAGE.into(), &"bucket is moved".into()));

    let replay = ["replay", &short(&harness, &key), "--reason", "x", "--operator", "ada"];
    let replayed = run(&folder, &harness, &replay).await.expect(DONE);
    assert!(replayed.out.contains("not before"), "{}", replayed.out);
    harness.redeliver().await.unwrap();
    let pending = run(&folder, &harness, &["pending", "--json"]).await.expect(DONE).json();
    assert_eq!((&pending[0]["service"], &pending[0]["paused"]), (&STORAGE.into(), &true.into()));
    let shown = run(&folder, &harness, &["show", &short(&harness, &key)]).await.expect(DONE).out;
    assert!(shown.contains("overdue, paused"), "{shown}");

    let resume = ["resume", STORAGE, "--operator", "ada", "--json"];
    let dry = run(&folder, &harness, &[&resume[..], &["--dry-run"]].concat()).await.expect(DONE).json();
    assert_eq!(dry["result"], "would be resumed");
    for result in ["resumed", "not paused"] {
        assert_eq!(run(&folder, &harness, &resume).await.expect(DONE).json()["result"], result);
    }
    harness.advance_clock(Duration::from_mins(2)).await.unwrap();
    assert_eq!(harness.redeliver().await.unwrap().delivered, 1);
    let none = run(&folder, &harness, &["paused", "--json"]).await.expect(DONE).json();
    assert_eq!(none, serde_json::json!([]));
    let all = run(&folder, &harness, &["paused", "--all", "--json"]).await.expect(DONE).json();
    assert_eq!(all[0]["resumed"]["operator"], "ada");
}

#[tokio::test]
async fn replay_reports_keys_that_it_cannot_replay() {
    let (harness, key) = synchronized(Behaviour::Act).await;
    let never = harness.new_key("never notified").create().await.unwrap();
    let folder = Folder::new();
    let unknown = format!("{}/02fd6835-6001-4482-a892-13bd2085f75d", harness.instance());
    let arguments = ["replay", &unknown, &short(&harness, &never), &short(&harness, &key)];
    let arguments =
        [&arguments[..], &["--service", "data-catalog", "--reason", "x", "--operator", "y", "--json"]];
    let results = run(&folder, &harness, &arguments.concat()).await.expect(SOME_FAILED).json();
    let result = |key: &str| {
        let mut results = results.as_array().unwrap().iter();
        results.find(|result| result["key"] == key).unwrap()["result"].as_str().unwrap().to_owned()
    };
    assert!(result(&unknown).contains("unknown"));
    assert!(result(&short(&harness, &never)).contains("never notified"));
    assert!(result(&short(&harness, &key)).contains("no registrations"));
}

#[tokio::test]
async fn show_reports_unknown_key_and_invalid_name() {
    let harness = binaries().start().await.unwrap();
    let folder = Folder::new();
    let unknown = format!("{}/02fd6835-6001-4482-a892-13bd2085f75d", harness.instance());
    run(&folder, &harness, &["show", &unknown]).await.expect(SOME_FAILED);
    let invalid = run(&folder, &harness, &["show", "invoices"]).await.expect(USAGE);
    assert!(invalid.err.contains("<instance>/<key>"), "{}", invalid.err);
}

#[tokio::test]
async fn missing_settings_are_named() {
    let folder = Folder::new();
    let set =
        [("KEYSYNC_TABLE", "keysync"), ("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    for (set, code, expected) in [
        (&set[..0], USAGE, "KEYSYNC_TABLE"),
        (&set[..1], USAGE, "AWS_REGION"),
        (&set[..3], STOPPED, "AWS_ACCESS_KEY_ID"),
    ] {
        let run = Run::of(folder.command(&["pending"]).envs(set.iter().copied())).await.expect(code);
        assert!(run.err.contains(expected), "{}", run.err);
    }
}

#[tokio::test]
async fn incomplete_scan_is_reported() {
    let (harness, _) = synchronized(Behaviour::Act).await;
    let folder = Folder::new();
    let run = run(&folder, &harness, &["failed", "--max-pages", "0"]).await.expect(SOME_FAILED);
    assert!(run.err.contains("incomplete"), "{}", run.err);
}
