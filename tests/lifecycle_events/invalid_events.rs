//! Events that schema and parser reject.

use serde_json::{Value, json};

use crate::support::{
    ACKNOWLEDGE, CREATE, DELETE, DISABLE, ENABLE, PURGE, REGISTER, RESTORE, ROTATE, UNREGISTER, example,
    string,
};

/// Events with one invalid field each: event type, JSON pointer of the field, and its value, `None`
/// if it is missing.
pub(crate) fn all() -> Vec<(&'static str, &'static str, Option<Value>)> {
    let key = string(&example(ROTATE), "/detail/keyCrn");
    let bucket = string(&example(REGISTER), "/detail/resourceCrn");
    let event_id = string(&example(ACKNOWLEDGE), "/detail/eventId");
    let invalid = |kind, pointer, value: Value| (kind, pointer, Some(value));
    let mut events = vec![
        (ROTATE, "/detail-type", None),
        invalid(ROTATE, "/detail-type", json!("kms.secrets.melt")),
        invalid(ROTATE, "/detail-type", json!("KMS.secrets.rotate")),
        invalid(ROTATE, "/detail-type", json!(["kms.secrets.rotate"])),
        (PURGE, "/detail", None),
        invalid(PURGE, "/detail", json!("{}")),
        invalid(PURGE, "/detail/schemaVersion", json!(0)),
        invalid(PURGE, "/detail/schemaVersion", json!(2)),
        invalid(PURGE, "/detail/schemaVersion", json!("1")),
    ];
    for crn in [
        key.replace("crn:", "urn:"),
        key.replace("v1", "v2"),
        key.replace("public", "dedicated"),
        key.replace("a/", "s/"),
        key.replace(":key:", ":keyring:"),
        key.replace("5cd0f9d6-4d5c", "5cd0f9d64d5c"),
        key.replace("-4482-", "-1482-"), // a version 1 UUID
        key.replace(":key:02fd6835-6001-4482-a892-13bd2085f75d", "::"), // the CRN of the instance
        format!("{key}:x"),
        format!("{key}\n"),
        format!(" {key}"),
        bucket.clone(),
    ] {
        events.push(invalid(PURGE, "/detail/keyCrn", json!(crn)));
    }
    for instant in [
        json!("yesterday"),
        json!(""),
        json!(1_795_496_400),
        json!("2026-11-24"),
        json!("2026-11-24T05:00:00"), // no offset
        json!("2026-02-30T05:00:00Z"),
        json!("2026-11-24T24:00:00Z"),
        json!("2026-11-24T05:00:00.Z"),
        json!("2026-11-24T05:00:00.1234567890Z"),
        json!("1969-12-31T23:59:59.999Z"),
        json!(" 2026-11-24T05:00:00Z"),
    ] {
        events.push(invalid(PURGE, "/detail/occurredAt", instant.clone()));
        events.push(invalid(ROTATE, "/detail/keyVersion/creationDate", instant));
    }
    for (kind, states) in [
        (CREATE, vec![2, 5]),
        (ROTATE, vec![2, 5]),
        (RESTORE, vec![2, 5]),
        (ENABLE, vec![2, 5]),
        (DELETE, vec![1, 2, 3]),
        (DISABLE, vec![1, 3, 5]),
    ] {
        for state in states.into_iter().chain([0, 4, 6, -1, 257]) {
            events.push(invalid(kind, "/detail/keyState", json!(state)));
        }
    }
    for ring in [json!(""), json!("x"), json!("a".repeat(101)), json!("a_b"), json!("a\n"), Value::Null] {
        events.push(invalid(ROTATE, "/detail/keyRing", ring));
    }
    events.push(invalid(ROTATE, "/detail/keyType", json!("Root")));
    events.push(invalid(ROTATE, "/detail/keyVersion", json!("v-2")));
    for crn in [
        bucket.replace("crn:", "urn:"),
        bucket.replace("v1", "v2"),
        bucket.replace("cloud-object-storage", "Cloud.Object"),
        bucket.replace("cloud-object-storage", ""),
        bucket.replace("cloud-object-storage", &"s".repeat(65)),
        bucket.replace(":bucket:invoices", ""),
        bucket.replace("invoices", "in voices"),
        bucket.replace("invoices", "rechnungen-märz"),
        bucket.clone() + &"s".repeat(513 - bucket.len()),
    ] {
        events.push(invalid(REGISTER, "/detail/resourceCrn", json!(crn)));
        events.push(invalid(UNREGISTER, "/detail/resourceCrn", json!(crn)));
    }
    let with_colons = event_id.replace('_', ":");
    for id in ["e-1".to_owned(), format!("{event_id}_x"), event_id.replace("storage", "Storage"), with_colons]
    {
        events.push(invalid(ACKNOWLEDGE, "/detail/eventId", json!(id)));
    }
    events
}
