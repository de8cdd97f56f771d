//! The schema of lifecycle events (`docs/reference/lifecycle-event.schema.json`), their description
//! (`docs/reference/lifecycle-events.md`) and their reader (`KeyEvent::read`) say the same.
//!
//! Where they do not, and cannot or need not, the event stands in a table here with the reason.

use jsonschema::Validator;
use keysync::usecases::lifecycle::KeyEvent;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../docs/reference/lifecycle-event.schema.json");
const DESCRIPTION: &str = include_str!("../../docs/reference/lifecycle-events.md");

const CREATE: &str = "kms.secrets.create";
const ROTATE: &str = "kms.secrets.rotate";
const DELETE: &str = "kms.secrets.delete";
const RESTORE: &str = "kms.secrets.restore";
const ENABLE: &str = "kms.secrets.enable";
const DISABLE: &str = "kms.secrets.disable";
const PURGE: &str = "kms.secrets.purge";
const REGISTER: &str = "kms.registrations.create";
const UNREGISTER: &str = "kms.registrations.delete";
const ACKNOWLEDGE: &str = "kms.secrets-event.ack";
const ALL: [&str; 10] =
    [CREATE, ROTATE, DELETE, RESTORE, ENABLE, DISABLE, PURGE, REGISTER, UNREGISTER, ACKNOWLEDGE];

#[test]
fn the_schema_is_one_and_has_an_example_of_every_type() {
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
fn both_take_every_example_and_each_field_of_the_future() {
    let schema = validator();
    for kind in ALL {
        let mut event = example(kind);
        assert_eq!(complaints(&schema, &event), "", "{kind}");
        KeyEvent::read(&event.to_string()).unwrap();

        event["aFieldOfTheFuture"] = json!({"x": 1});
        event["detail"]["aFieldOfTheFuture"] = json!([null]);
        assert_eq!(complaints(&schema, &event), "", "{kind}");
        KeyEvent::read(&event.to_string()).unwrap();
    }
}

#[test]
fn both_take_the_description_s_example() {
    let (_, rest) = DESCRIPTION.split_once("```json\n").unwrap();
    let (example, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```json"), "one whole example");
    assert_eq!(complaints(&validator(), &example.parse().unwrap()), "");
    KeyEvent::read(example).unwrap();
}

#[test]
fn the_description_has_every_type() {
    for kind in ALL {
        assert!(DESCRIPTION.contains(&format!("`{kind}`")), "{kind}");
    }
}

/// One field is wrong; `None` where it is missing.
#[test]
fn both_refuse_what_is_broken_and_name_the_field() {
    let schema = validator();
    for (kind, pointer, value) in broken() {
        let event = with(kind, pointer, value);
        let field = pointer.rsplit('/').next().unwrap();

        let complaints = complaints(&schema, &event);
        assert!(complaints.contains(field), "the schema on {event}: {complaints:?}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(field), "the reader on {event}: {problem:?}");
    }
}

fn broken() -> Vec<(&'static str, &'static str, Option<Value>)> {
    let key = text(&example(ROTATE), "/detail/keyCrn");
    let bucket = text(&example(REGISTER), "/detail/resourceCrn");
    let event_id = text(&example(ACKNOWLEDGE), "/detail/eventId");
    let wrong = |kind, pointer, value: Value| (kind, pointer, Some(value));
    let mut broken = vec![
        (ROTATE, "/detail-type", None),
        wrong(ROTATE, "/detail-type", json!("kms.secrets.melt")),
        wrong(ROTATE, "/detail-type", json!("KMS.secrets.rotate")),
        wrong(ROTATE, "/detail-type", json!(["kms.secrets.rotate"])),
        (PURGE, "/detail", None),
        wrong(PURGE, "/detail", json!("{}")),
        wrong(PURGE, "/detail/schemaVersion", json!(0)),
        wrong(PURGE, "/detail/schemaVersion", json!(2)),
        wrong(PURGE, "/detail/schemaVersion", json!("1")),
    ];
    for crn in [
        key.replace("crn:", "urn:"),
        key.replace("v1", "v2"),
        key.replace("public", "dedicated"),
        key.replace("a/", "s/"),
        key.replace(":key:", ":keyring:"),
        key.replace("5cd0f9d6-4d5c", "5cd0f9d64d5c"),
        key.replace("-4482-", "-1482-"), // a version 1 UUID
        key.replace(":key:02fd6835-6001-4482-a892-13bd2085f75d", "::"), // the instance
        format!("{key}:x"),
        format!("{key}\n"),
        format!(" {key}"),
        bucket.clone(),
    ] {
        broken.push(wrong(PURGE, "/detail/keyCrn", json!(crn)));
    }
    for instant in [
        json!("yesterday"),
        json!(""),
        json!(1_795_496_400),
        json!("2026-11-24"),
        json!("2026-11-24T05:00:00"), // where?
        json!("2026-02-30T05:00:00Z"),
        json!("2026-11-24T24:00:00Z"),
        json!("2026-11-24T05:00:00.Z"),
        json!("2026-11-24T05:00:00.1234567890Z"),
        json!("1969-12-31T23:59:59.999Z"),
        json!(" 2026-11-24T05:00:00Z"),
    ] {
        broken.push(wrong(PURGE, "/detail/occurredAt", instant.clone()));
        broken.push(wrong(ROTATE, "/detail/keyVersion/creationDate", instant));
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
            broken.push(wrong(kind, "/detail/keyState", json!(state)));
        }
    }
    for ring in [json!(""), json!("x"), json!("a".repeat(101)), json!("a_b"), json!("a\n"), Value::Null] {
        broken.push(wrong(ROTATE, "/detail/keyRing", ring));
    }
    broken.push(wrong(ROTATE, "/detail/keyType", json!("Root")));
    broken.push(wrong(ROTATE, "/detail/keyVersion", json!("v-2")));
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
        broken.push(wrong(REGISTER, "/detail/resourceCrn", json!(crn)));
        broken.push(wrong(UNREGISTER, "/detail/resourceCrn", json!(crn)));
    }
    for id in ["e-1".to_owned(), format!("{event_id}:x"), event_id.replace("storage", "Storage")] {
        broken.push(wrong(ACKNOWLEDGE, "/detail/eventId", json!(id)));
    }
    broken
}

/// The longest text of each field that both take; one more character is refused by both.
#[test]
fn both_take_the_longest_text_and_refuse_a_longer_one() {
    let schema = validator();
    let crn = text(&example(PURGE), "/detail/keyCrn");
    let of_length = |length: usize| crn.replace("abc123", &"a".repeat(length + "abc123".len() - crn.len()));
    let bucket = text(&example(REGISTER), "/detail/resourceCrn");
    let event_id = text(&example(ACKNOWLEDGE), "/detail/eventId").replace("cloud-object-storage", "");
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
        assert_eq!(complaints(&schema, &event), "", "{pointer}");
        KeyEvent::read(&event.to_string()).unwrap_or_else(|problem| panic!("{pointer}: {problem}"));

        let event = with(kind, pointer, Some(json!(longer)));
        let field = pointer.rsplit('/').next().unwrap();
        assert!(complaints(&schema, &event).contains(field), "{pointer}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(field) && problem.len() < 1000, "{problem}");
    }
}

/// A text without a bound is one that a publisher can fill the table, the log and the queue with.
#[test]
fn every_text_has_a_length_in_the_schema() {
    fn texts<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("type").filter(|kind| *kind == "string").map(|_| value));
                fields.values().for_each(|value| texts(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
            _ => {}
        }
    }
    let (schema, mut found) = (schema(), Vec::new());
    texts(&schema, &mut found);
    assert!(found.len() >= 7, "{found:?}");
    for text in found {
        let pattern = text["pattern"].as_str().unwrap_or("*");
        assert!(text["maxLength"].is_u64() || !pattern.contains(['*', '+']), "without a length: {text}");
    }
}

/// What JSON Schema cannot say, or is not asked to.
#[test]
fn what_only_the_reader_refuses() {
    let schema = validator();
    let event_id = text(&example(ACKNOWLEDGE), "/detail/eventId");
    for (kind, pointer, value, why) in [
        (ROTATE, "/detail/keyState", json!(1.0), "to JSON Schema 1.0 is an integer"),
        (PURGE, "/detail/schemaVersion", json!(1.0), "the same"),
        (
            ACKNOWLEDGE,
            "/detail/eventId",
            json!(event_id.replace("02fd6835", "12fd6835")),
            "it compares no two fields: this is another key than that of `keyCrn`",
        ),
        (
            PURGE,
            "/detail/occurredAt",
            json!("1970-01-01T00:00:00+00:01"),
            "it does not reckon with instants: this one is a minute before 1970",
        ),
        (
            PURGE,
            "/detail/occurredAt",
            json!("9999-12-31T00:00:00Z"),
            "the same: jiff's time ends a day before",
        ),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_eq!(complaints(&schema, &event), "", "{why}");
        let problem = KeyEvent::read(&event.to_string()).unwrap_err().to_string();
        assert!(problem.contains(pointer.rsplit('/').next().unwrap()), "{problem}");
    }
    // It sees no text, so not that a field stands in it twice.
    let twice = example(PURGE).to_string().replacen('{', r#"{"detail-type":"kms.secrets.create","#, 1);
    assert_eq!(complaints(&schema, &twice.parse().unwrap()), "");
    assert!(KeyEvent::read(&twice).unwrap_err().to_string().contains("duplicate field"));
}

/// Nobody should count on it: the schema is what is promised.
#[test]
fn what_only_the_schema_refuses() {
    let schema = validator();
    for (kind, pointer, value, why) in [
        (PURGE, "/detail/occurredAt", json!("2026-11-24 05:00Z"), "jiff reads more than RFC 3339"),
        (PURGE, "/detail/occurredAt", json!("20261124T050000,5-05"), "the same: ISO 8601's basic form"),
        (PURGE, "/detail/occurredAt", json!("2026-11-24T05:00:00Z[Europe/Berlin]"), "the same: RFC 9557"),
        (
            PURGE,
            "/detail/occurredAt",
            json!("1969-12-31T23:59:59-00:01"),
            "1970, but not where it was written",
        ),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_ne!(complaints(&schema, &event), "", "{why}");
        KeyEvent::read(&event.to_string()).unwrap_or_else(|problem| panic!("{why}: {problem}"));
    }
}

/// Serde's derived code would take arrays for structs, and a map for an enum.
#[test]
fn both_reject_other_forms_of_objects_and_enums() {
    let schema = validator();
    let crn = text(&example(PURGE), "/detail/keyCrn");
    for (kind, pointer, value) in [
        (PURGE, "/detail", json!([1, crn, "2026-11-24T05:00:00Z"])),
        (ROTATE, "/detail/keyVersion", json!(["v-2", "2026-11-24T05:00:00Z"])),
        (ROTATE, "/detail/keyType", json!({"root": null})),
    ] {
        let event = with(kind, pointer, Some(value));
        assert_ne!(complaints(&schema, &event), "", "{event}");
        assert!(KeyEvent::read(&event.to_string()).is_err(), "{event}");
    }
}

/// Takes away each field of each example in turn, and puts each kind of value in its place.
#[test]
fn both_agree_whatever_stands_in_a_field() {
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
    let mut refused = 0;
    for kind in ALL {
        for pointer in pointers(&example(kind)) {
            for value in values.iter().cloned().map(Some).chain([None]) {
                let event = with(kind, &pointer, value);
                let (complaints, read) = (complaints(&schema, &event), KeyEvent::read(&event.to_string()));
                assert_eq!(complaints.is_empty(), read.is_ok(), "{event}: {complaints:?}, {read:?}");
                refused += usize::from(read.is_err());
            }
        }
    }
    assert!(refused > 300, "{refused}");
}

fn schema() -> Value {
    SCHEMA.parse().expect("JSON")
}

fn validator() -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema()).expect("a schema")
}

/// What the schema finds wrong with the event: places and reasons. Empty where it finds nothing.
fn complaints(schema: &Validator, event: &Value) -> String {
    let complaints = schema.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path()));
    complaints.collect::<Vec<_>>().join("; ")
}

/// The schema's own example of this type.
fn example(kind: &str) -> Value {
    let schema = schema();
    let examples = schema["examples"].as_array().expect("examples");
    let mut of_kind = examples.iter().filter(|example| example["detail-type"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("no example of {kind}")).clone()
}

/// An example in which `value` stands at `pointer`, or nothing does.
fn with(kind: &str, pointer: &str, value: Option<Value>) -> Value {
    let mut event = example(kind);
    let (within, field) = pointer.rsplit_once('/').expect("a pointer");
    let object = event.pointer_mut(within).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => object.insert(field.to_owned(), value),
        None => object.remove(field),
    };
    event
}

/// Where fields stand in `value`, however deep.
fn pointers(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .flat_map(|(field, value)| {
            let within = pointers(value).into_iter().map(move |rest| format!("/{field}{rest}"));
            [format!("/{field}")].into_iter().chain(within)
        })
        .collect()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned()
}
