//! `keysyncctl dlq` on the dead-letter queue of the harness.

use keysync_testkit::{Harness, Key};
use serde_json::{Value, json};

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, STOPPED, USAGE, with_harness},
};

/// A harness with a key, and a malformed event about it: deleted, in the state active.
async fn harness_with_dead_letter() -> (Harness, Key, Value) {
    let harness = binaries().start().await.unwrap();
    let key = harness.new_key("invoices").with_registration("cloud-object-storage", "bucket");
    let key = key.create().await.unwrap();
    let (account, instance) = (harness.account(), harness.instance());
    let event = harness.events().envelope(
        "kms.secrets.delete",
        &json!({
            "schemaVersion": 1,
            "keyCrn": format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{}", key.id()),
            "occurredAt": harness.clock().now().to_string(),
            "keyType": "root", "keyState": 1, "keyRing": "default",
            "keyVersion": {"id": key.id(), "creationDate": "2026-10-01T00:00:00Z"},
        }),
    );
    harness.events().publish_raw(&event.to_string()).processed().await;
    harness.dead_letters().wait_for(1).await;
    (harness, key, event)
}

async fn dlq(folder: &Folder, harness: &Harness, arguments: &[&str]) -> Run {
    let mut command = folder.command(&[&["dlq"], arguments].concat());
    let letters = harness.dead_letters();
    with_harness(&mut command, harness)
        .env("KEYSYNCCTL_MALFORMED_QUEUE", letters.url())
        .env("KEYSYNCCTL_STUCK_QUEUE", letters.url())
        .env("KEYSYNCCTL_EVENT_QUEUE", letters.event_queue_url());
    Run::of(&mut command).await
}

#[tokio::test]
async fn malformed_event_is_corrected_and_processed() {
    let (harness, key, mut event) = harness_with_dead_letter().await;
    let folder = Folder::new();
    let listed = dlq(&folder, &harness, &["list", "malformed", "--json"]).await.expect(DONE).json();
    let id = listed[0]["id"].as_str().unwrap();
    assert!(listed[0]["reason"].as_str().unwrap().contains("keyState"), "{listed}");
    let body = dlq(&folder, &harness, &["show", "malformed", id, "--body"]).await.expect(DONE).out;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), event, "reading loses nothing");

    // Unchanged, it would return; with another mistake, too.
    let skipped =
        dlq(&folder, &harness, &["redrive", "malformed", "--all", "--json"]).await.expect(SOME_FAILED);
    assert_eq!(skipped.json()[0]["result"], "skipped");
    let file = folder.write("event.json", &body);
    let edit = ["edit", "malformed", id, "--body", file.to_str().unwrap()];
    dlq(&folder, &harness, &edit).await.expect(USAGE);

    event["detail"]["keyState"] = json!(5);
    folder.write("event.json", &event.to_string());
    dlq(&folder, &harness, &[&edit[..], &["--dry-run"]].concat()).await.expect(DONE);
    assert_eq!(harness.dead_letters().letters().len(), 1, "a dry run changes nothing");
    dlq(&folder, &harness, &edit).await.expect(DONE);
    assert!(harness.dead_letters().letters().is_empty());
    harness.object_storage().wait_for(1).await;
    harness.object_storage().assert_last_state(&key, keysync_testkit::KeyState::Destroyed);
}

#[tokio::test]
async fn stuck_events_are_redriven() {
    let (harness, _, mut event) = harness_with_dead_letter().await;
    harness.dead_letters().clear();
    event["detail"]["keyState"] = json!(5);
    for _ in 0..25 {
        harness.dead_letters().put(&event.to_string());
    }
    harness.dead_letters().put("no event");
    let folder = Folder::new();

    let dry = dlq(&folder, &harness, &["redrive", "stuck", "--all", "--dry-run", "--json"]).await;
    assert_eq!(dry.expect(SOME_FAILED).json().as_array().unwrap().len(), 26);
    assert_eq!(harness.dead_letters().letters().len(), 26);
    let sent =
        dlq(&folder, &harness, &["redrive", "stuck", "--all", "--json"]).await.expect(SOME_FAILED).json();
    let of = |result: &str| sent.as_array().unwrap().iter().filter(|sent| sent["result"] == result).count();
    assert_eq!((of("sent"), of("skipped")), (25, 1));
    assert_eq!(harness.dead_letters().letters().len(), 1, "the malformed one stays");
    harness.object_storage().wait_for(1).await;
}

#[tokio::test]
async fn unknown_message_and_missing_queue_are_reported() {
    let (harness, ..) = harness_with_dead_letter().await;
    let folder = Folder::new();
    let missing = dlq(&folder, &harness, &["redrive", "malformed", "no-such-id"]).await.expect(SOME_FAILED);
    assert!(missing.err.contains("no-such-id"), "{}", missing.err);
    let mut absent =
        folder.command(&["dlq", "list", "malformed", "--malformed-queue", "http://127.0.0.1:1/0/x"]);
    let absent = Run::of(with_harness(&mut absent, &harness)).await.expect(STOPPED);
    assert!(absent.err.contains("no response") && absent.err.lines().count() == 1, "{}", absent.err);
    let run = dlq(&folder, &harness, &["list", "undelivered"]).await.expect(USAGE);
    assert!(run.err.contains("KEYSYNCCTL_UNDELIVERED_QUEUE"), "{}", run.err);
}
