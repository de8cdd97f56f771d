use serde_json::{Value, json};

use super::*;

const KEY: &str = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";
const BUCKET: &str = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:invoices";
const EVENT_ID: &str =
    "02fd6835-6001-4482-a892-13bd2085f75d_019aaf60-0000-7000-8000-000000000001_cloud-object-storage";

fn event(detail_type: &str) -> Value {
    json!({
        "version": "0", "id": "e-1", "source": "kms", "detail-type": detail_type, "time": "2026-11-24T05:00:00Z",
        "detail": {
            "schemaVersion": 1, "keyCrn": KEY, "occurredAt": "2026-11-24T05:00:00.123Z",
            "keyType": "root", "keyState": 1, "keyRing": "default",
            "keyVersion": {"id": "v-2", "creationDate": "2026-11-24T05:00:00Z"},
            "resourceCrn": BUCKET, "eventId": EVENT_ID, "adopterKeyState": "DEK_ENABLED",
            "unknownField": true,
        },
    })
}

/// The error of an event whose field at `pointer` is `value`.
fn problem(detail_type: &str, pointer: &str, value: Value) -> String {
    let mut event = event(detail_type);
    *event.pointer_mut(pointer).unwrap() = value;
    KeyEvent::read(&event.to_string()).unwrap_err().to_string()
}

#[test]
fn parses_action_with_facts_of_key() {
    let event = KeyEvent::read(&event("kms.secrets.rotate").to_string()).unwrap();
    assert_eq!(event.occurred_at, EpochMillis::new(1_795_496_400_123));
    let KeyEventKind::Action { action: LifecycleAction::Rotate, facts } = event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(
        (facts.crn.to_string().as_str(), facts.state, facts.key_type),
        (KEY, KeyState::Active, KeyType::Root)
    );
    assert_eq!(
        (facts.version.id.as_str(), facts.version.created_at),
        ("v-2", EpochMillis::new(1_795_496_400_000))
    );
}

#[test]
fn parses_every_event_type() {
    for (detail_type, state) in [
        ("kms.secrets.create", 1),
        ("kms.secrets.rotate", 1),
        ("kms.secrets.restore", 1),
        ("kms.secrets.enable", 3),
        ("kms.secrets.disable", 2),
        ("kms.secrets.delete", 5),
        ("kms.secrets.purge", 5),
        ("kms.registrations.create", 1),
        ("kms.registrations.delete", 1),
        ("kms.secrets-event.ack", 1),
    ] {
        let mut event = event(detail_type);
        event["detail"]["keyState"] = json!(state);
        assert!(KeyEvent::read(&event.to_string()).is_ok(), "{detail_type}");
    }
}

#[test]
fn error_names_invalid_field() {
    let rotate = "kms.secrets.rotate";
    for (problem, expected) in [
        (problem(rotate, "/detail-type", json!("kms.secrets.melt")), "detail-type is unknown: got"),
        (problem(rotate, "/detail/schemaVersion", json!(2)), "detail.schemaVersion must be 1: got 2"),
        (problem(rotate, "/detail/keyCrn", json!("crn:v1")), "detail.keyCrn: must be a key's CRN"),
        (problem(rotate, "/detail/occurredAt", json!("yesterday")), "detail.occurredAt: must be an RFC 3339"),
        (problem(rotate, "/detail/occurredAt", json!("1969-01-01T00:00:00Z")), "detail.occurredAt: must be"),
        (problem(rotate, "/detail/keyState", json!(4)), "detail.keyState: must be 1, 2, 3 or 5: got 4"),
        (problem(rotate, "/detail/keyState", json!(5)), "detail.keyState cannot be 5 after"),
        (problem("kms.secrets.delete", "/detail/keyState", json!(1)), "detail.keyState cannot be 1 after"),
        (problem(rotate, "/detail/keyVersion/id", json!(7)), "detail.keyVersion.id: invalid type"),
        (
            problem("kms.registrations.create", "/detail/resourceCrn", json!("x")),
            "detail.resourceCrn: must be",
        ),
        (problem("kms.secrets-event.ack", "/detail/eventId", json!("x")), "detail.eventId must be"),
        (problem(rotate, "/detail", json!({"schemaVersion": 1})), "detail: missing field `keyCrn`"),
    ] {
        assert!(problem.starts_with(expected), "{problem:?} does not start with {expected:?}");
    }
    assert!(KeyEvent::read("not json").unwrap_err().to_string().starts_with("the event: "));
    let and_more = format!("{} and more", event(rotate));
    assert!(KeyEvent::read(&and_more).unwrap_err().to_string().contains("trailing characters"));
    assert!(KeyEvent::read("{}").unwrap_err().to_string().contains("missing field `detail-type`"));
}

/// Forms that serde accepts by default and the schema does not.
#[test]
fn rejects_other_forms_of_objects_and_enums() {
    let rotate = "kms.secrets.rotate";
    let detail = event(rotate)["detail"].clone();
    let in_order = json!([1, KEY, detail["occurredAt"]]);
    for (problem, expected) in [
        (problem(rotate, "/detail", in_order), "detail: invalid type: sequence"),
        (problem(rotate, "/detail", json!([detail])), "detail: invalid type: sequence"),
        (problem(rotate, "/detail/keyType", json!({"root": null})), "detail.keyType: invalid type: map"),
        (
            problem(rotate, "/detail/keyVersion", json!(["v-2", "2026-11-24T05:00:00Z"])),
            "detail.keyVersion: invalid type: sequence",
        ),
        (problem("kms.registrations.create", "/detail", json!([BUCKET])), "detail: invalid type: sequence"),
    ] {
        assert!(problem.starts_with(expected), "{problem:?} does not start with {expected:?}");
    }
    let event = event(rotate);
    let as_array = json!([event["detail-type"], event["detail"]]).to_string();
    assert!(
        KeyEvent::read(&as_array).unwrap_err().to_string().starts_with("the event: invalid type: sequence")
    );
}

#[test]
fn rejects_duplicate_fields_and_tolerates_unknown_ones() {
    let event = event("kms.secrets.delete").to_string().replace("\"keyState\":1", "\"keyState\":5");
    assert!(KeyEvent::read(&event).is_ok());
    for (field, twice) in [
        ("\"keyState\":5", "\"keyState\":5,\"keyState\":5"),
        ("\"schemaVersion\":1", "\"schemaVersion\":1,\"schema\\u0056ersion\":1"),
        ("\"detail-type\":", "\"detail-type\":\"kms.secrets.purge\",\"detail-type\":"),
    ] {
        let twice = event.replacen(field, twice, 1);
        assert!(KeyEvent::read(&twice).unwrap_err().to_string().contains("duplicate field"), "{twice}");
    }
    let unknown = event.replacen("\"keyState\":5", "\"keyState\":5,\"x\":\"\\ud800\",\"\\ud800\":[[1]]", 1);
    assert!(unknown != event && KeyEvent::read(&unknown).is_ok());
}

#[test]
fn rejects_acknowledgement_of_another_key() {
    let other = EVENT_ID.replace("02fd6835", "12fd6835");
    let problem = problem("kms.secrets-event.ack", "/detail/eventId", json!(other));
    assert!(problem.contains("must name the same key"), "{problem}");
}

#[test]
fn error_names_oversized_field() {
    for (detail_type, pointer, value, expected) in [
        (
            "kms.secrets.rotate",
            "/detail/keyVersion/id",
            "v".repeat(129),
            "must be 1 to 128 characters long: got 129",
        ),
        (
            "kms.secrets-event.ack",
            "/detail/adopterKeyState",
            "x".repeat(257),
            "must be 0 to 256 characters long: got 257",
        ),
        (
            "kms.secrets.rotate",
            "/detail/occurredAt",
            "2".repeat(36),
            "must be an instant of at most 35 characters",
        ),
        (
            "kms.secrets.rotate",
            "/detail/keyCrn",
            KEY.replace("abc123", &"a".repeat(512)),
            "must be a key's CRN",
        ),
    ] {
        let (problem, field) = (problem(detail_type, pointer, json!(value)), pointer[1..].replace('/', "."));
        assert!(problem.starts_with(&format!("{field}: {expected}")), "{problem}");
    }
}
