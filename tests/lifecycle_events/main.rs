//! The schema of lifecycle events (`docs/reference/lifecycle-event.schema.json`), their
//! documentation (`docs/reference/lifecycle-events.md`) and their parser (`KeyEvent::read`) agree.
//!
//! Events on which schema and parser deliberately disagree are listed here with the reason.

mod invalid_events;
mod support;

use keysync::usecases::lifecycle::KeyEvent;
use serde_json::{Value, json};

use support::{
    ACKNOWLEDGE, ALL, PURGE, REGISTER, ROTATE, example, pointers, schema, string, validator, violations, with,
};

const DOCUMENTATION: &str = include_str!("../../docs/reference/lifecycle-events.md");

#[test]
fn schema_is_valid_with_examples_of_every_type() {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).map_err(|error| error.to_string()).unwrap();
    for kind in ALL {
        assert_eq!(example(kind)["detail-type"], kind);
    }
    assert_eq!(schema["examples"].as_array().map(Vec::len), Some(ALL.len()));
    let mut listed = schema["properties"]["detail-type"]["enum"].as_array().unwrap().clone();
    let mut all = ALL.map(Value::from).to_vec();
    for types in [&mut listed, &mut all] {
        types.sort_by_key(Value::to_string);
    }
    assert_eq!(listed, all);
}

#[test]
fn both_accept_examples_and_unknown_fields() {
    let schema = validator();
    for kind in ALL {
        let mut event = example(kind);
        assert_eq!(violations(&schema, &event), "", "{kind}");
        KeyEvent::read(&event.to_string()).unwrap();

        event["unknownField"] = json!({"x": 1});
        event["detail"]["unknownField"] = json!([null]);
        assert_eq!(violations(&schema, &event), "", "{kind}");
        KeyEvent::read(&event.to_string()).unwrap();
    }
}

#[test]
fn both_accept_documented_example() {
    let (_, rest) = DOCUMENTATION.split_once("```json\n").unwrap();
    let (example, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```json"), "more than one example");
    assert_eq!(violations(&validator(), &example.parse().unwrap()), "");
    KeyEvent::read(example).unwrap();
}

#[test]
fn documentation_lists_every_type() {
    for kind in ALL {
        assert!(DOCUMENTATION.contains(&format!("`{kind}`")), "{kind}");
    }
}

/// In each event one field is invalid, or missing (`None`).
#[test]
fn both_reject_invalid_fields_by_name() {
    let schema = validator();
    for (kind, pointer, value) in invalid_events::all() {
        let event = with(kind, pointer, value);
        let field = pointer.rsplit('/').next().unwrap();

        let violations = violations(&schema, &event);
        assert!(violations.contains(field), "schema on {event}: {violations:?}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(field), "parser on {event}: {problem:?}");
    }
}

/// Both accept the maximum length of each field, and reject one character more.
#[test]
fn both_enforce_same_maximum_lengths() {
    let schema = validator();
    let crn = string(&example(PURGE), "/detail/keyCrn");
    let of_length = |length: usize| crn.replace("abc123", &"a".repeat(length + "abc123".len() - crn.len()));
    let bucket = string(&example(REGISTER), "/detail/resourceCrn");
    let event_id = string(&example(ACKNOWLEDGE), "/detail/eventId").replace("cloud-object-storage", "");
    let instant = |digits: usize| format!("2026-11-24T05:00:00.{}+01:00", "1".repeat(digits));
    for (kind, pointer, longest, longer) in [
        (ROTATE, "/detail/keyVersion/id", "v".repeat(128), "v".repeat(129)),
        (ROTATE, "/detail/keyVersion/id", "é".repeat(128), "é".repeat(129)),
        (ROTATE, "/detail/keyVersion/id", "v".to_owned(), String::new()),
        (ROTATE, "/detail/keyVersion/creationDate", instant(9), instant(10)),
        (ROTATE, "/detail/keyRing", "r".repeat(100), "r".repeat(101)),
        (PURGE, "/detail/occurredAt", instant(9), instant(10)),
        (PURGE, "/detail/keyCrn", of_length(512), of_length(513)),
        (
            REGISTER,
            "/detail/resourceCrn",
            bucket.clone() + &"s".repeat(512 - bucket.len()),
            bucket.clone() + &"s".repeat(513 - bucket.len()),
        ),
        (ACKNOWLEDGE, "/detail/eventId", event_id.clone() + &"s".repeat(64), event_id + &"s".repeat(65)),
        (ACKNOWLEDGE, "/detail/adopterKeyState", "é".repeat(256), "é".repeat(257)),
    ] {
        let event = with(kind, pointer, Some(json!(longest)));
        assert_eq!(violations(&schema, &event), "", "{pointer}");
        KeyEvent::read(&event.to_string()).unwrap_or_else(|problem| panic!("{pointer}: {problem}"));

        let event = with(kind, pointer, Some(json!(longer)));
        let field = pointer.rsplit('/').next().unwrap();
        assert!(violations(&schema, &event).contains(field), "{pointer}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(field) && problem.len() < 1000, "{problem}");
    }
}

/// A publisher could fill the table, the log and the queue with an unbounded string.
#[test]
fn schema_bounds_every_string() {
    fn strings<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("type").filter(|kind| *kind == "string").map(|_| value));
                fields.values().for_each(|value| strings(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
            _ => {}
        }
    }
    let (schema, mut found) = (schema(), Vec::new());
    strings(&schema, &mut found);
    assert!(found.len() >= 7, "{found:?}");
    for text in found {
        let pattern = text["pattern"].as_str().unwrap_or("*");
        assert!(text["maxLength"].is_u64() || !pattern.contains(['*', '+']), "unbounded: {text}");
    }
}

/// Rules that JSON Schema cannot express, or that the schema omits.
#[test]
fn only_parser_rejects() {
    let schema = validator();
    let event_id = string(&example(ACKNOWLEDGE), "/detail/eventId");
    for (kind, pointer, value, why) in [
        (ROTATE, "/detail/keyState", json!(1.0), "JSON Schema counts 1.0 as an integer"),
        (PURGE, "/detail/schemaVersion", json!(1.0), "JSON Schema counts 1.0 as an integer"),
        (
            ACKNOWLEDGE,
            "/detail/eventId",
            json!(event_id.replace("02fd6835", "12fd6835")),
            "JSON Schema cannot compare two fields: another key than in `keyCrn`",
        ),
        (
            PURGE,
            "/detail/occurredAt",
            json!("1970-01-01T00:00:00+00:01"),
            "JSON Schema cannot compare instants: one minute before 1970",
        ),
        (
            PURGE,
            "/detail/occurredAt",
            json!("9999-12-31T00:00:00Z"),
            "JSON Schema cannot compare instants: jiff ends one day earlier",
        ),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_eq!(violations(&schema, &event), "", "{why}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(pointer.rsplit('/').next().unwrap()), "{problem}");
    }
    // JSON Schema validates parsed JSON, in which duplicate fields are gone.
    let twice = example(PURGE).to_string().replacen('{', r#"{"detail-type":"kms.secrets.create","#, 1);
    assert_eq!(violations(&schema, &twice.parse().unwrap()), "");
    assert!(KeyEvent::read(&twice).unwrap_err().to_string().contains("duplicate field"));
}

/// Instants that the parser accepts beyond the schema. Only the schema is the contract with
/// publishers.
#[test]
fn only_schema_rejects() {
    let schema = validator();
    for (kind, pointer, value, why) in [
        (PURGE, "/detail/occurredAt", json!("2026-11-24 05:00Z"), "jiff accepts more than RFC 3339"),
        (
            PURGE,
            "/detail/occurredAt",
            json!("20261124T050000,5-05"),
            "jiff accepts the basic format of ISO 8601",
        ),
        (PURGE, "/detail/occurredAt", json!("2026-11-24T05:00:00Z[Europe/Berlin]"), "jiff accepts RFC 9557"),
        (PURGE, "/detail/occurredAt", json!("1969-12-31T23:59:59-00:01"), "1970 in UTC, 1969 in its offset"),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_ne!(violations(&schema, &event), "", "{why}");
        KeyEvent::read(&event.to_string()).unwrap_or_else(|problem| panic!("{why}: {problem}"));
    }
}

/// Derived serde code accepts arrays for structs and maps for enums.
#[test]
fn both_reject_other_forms_of_objects_and_enums() {
    let schema = validator();
    let crn = string(&example(PURGE), "/detail/keyCrn");
    for (kind, pointer, value) in [
        (PURGE, "/detail", json!([1, crn, "2026-11-24T05:00:00Z"])),
        (ROTATE, "/detail/keyVersion", json!(["v-2", "2026-11-24T05:00:00Z"])),
        (ROTATE, "/detail/keyType", json!({"root": null})),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_ne!(violations(&schema, &event), "", "{event}");
        assert!(KeyEvent::read(&event.to_string()).is_err(), "{event}");
    }
}

/// Removes each field of each example, and replaces it by each type of value.
#[test]
fn both_agree_on_any_value_of_a_field() {
    let schema = validator();
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1),
        json!(5),
        json!(1.5),
        json!(""),
        json!([]),
        json!({}),
    ];
    let mut rejected = 0;
    for kind in ALL {
        for pointer in pointers(&example(kind)) {
            for value in values.iter().cloned().map(Some).chain([None]) {
                let event = with(kind, &pointer, value);
                let (violations, parsed) = (violations(&schema, &event), KeyEvent::read(&event.to_string()));
                assert_eq!(violations.is_empty(), parsed.is_ok(), "{event}: {violations:?}, {parsed:?}");
                rejected += usize::from(parsed.is_err());
            }
        }
    }
    assert!(rejected > 300, "{rejected}");
}
