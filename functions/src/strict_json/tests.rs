use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    name: String,
    kind: Option<Kind>,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default, deserialize_with = "not_null")]
    note: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Small,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Part {
    count: u64,
}

fn order(json: &str) -> Result<Order, String> {
    from_str(json).map_err(|error| error.to_string())
}

#[test]
fn accepts_the_expected_json_of_each_type() {
    let parsed =
        order(r#"{"name": "a", "kind": "small", "parts": [{"count": 1}, {"count": 2}], "other": [[{}]]}"#);
    let parts = vec![Part { count: 1 }, Part { count: 2 }];
    assert_eq!(parsed, Ok(Order { name: "a".to_owned(), kind: Some(Kind::Small), parts, note: None }));
    assert_eq!(order(r#"{"name": "a", "kind": null}"#).unwrap().kind, None);
}

#[test]
fn rejects_lenient_forms_that_serde_accepts() {
    let lenient = |json| serde_json::from_str::<Order>(json).is_ok();
    for (json, expected) in [
        (r#"["a", null, [], "b"]"#, "invalid type: sequence, expected struct Order"),
        (r#"{"name": "a", "parts": [[1]]}"#, "invalid type: sequence, expected struct Part"),
        (r#"{"name": "a", "kind": {"small": null}}"#, "invalid type: map, expected enum Kind"),
    ] {
        let error = order(json).unwrap_err();
        assert!(lenient(json) && error.starts_with(expected), "{json}: {error}");
    }
}

#[test]
fn rejects_duplicate_fields_in_every_kind_of_type() {
    for json in [
        r#"{"name": "a", "name": "a"}"#,
        r#"{"name": "a", "n\u0061me": "a"}"#,
        r#"{"name": "a", "parts": [{"count": 1, "count": 2}]}"#,
    ] {
        assert!(order(json).unwrap_err().contains("duplicate field"), "{json}");
    }
    let nested = r#"[{"a": {"b": 1, "\u0062": 1}}]"#;
    assert!(from_str::<Value>(nested).unwrap_err().to_string().contains("duplicate field `b`"));
    assert!(from_str::<BTreeMap<Box<str>, u8>>(r#"{"a": 1, "a": 2}"#).is_err());
    assert!(from_str::<BTreeMap<String, BTreeMap<String, u8>>>(r#"{"a": {"a": 1}, "b": {"a": 2}}"#).is_ok());
}

#[test]
fn rejects_invalid_utf8_even_in_ignored_fields() {
    let json = b"{\"name\": \"a\", \"other\": \"\xff\"}";
    assert!(serde_json::from_slice::<Order>(json).is_ok(), "serde_json does not check ignored fields");
    assert!(from_slice::<Order>(json).unwrap_err().to_string().contains("utf-8"));
    assert!(from_slice::<Order>(&json[..13].iter().copied().chain(*b"}").collect::<Vec<_>>()).is_err());
    assert!(from_slice::<Order>(b"{\"name\": \"a\"}").is_ok());
}

#[test]
fn rejects_trailing_data_and_null_optional_field() {
    assert!(order(r#"{"name": "a"} x"#).is_err() && order(r#"{"name": "a"}{}"#).is_err());
    assert!(order(r#"{"name": "a", "note": null}"#).is_err());
    assert!(order(r#"{"name": "a", "note": "b"}"#).is_ok() && order(" {\"name\": \"a\"}\n").is_ok());
}

#[test]
fn accepts_unpaired_surrogate_in_ignored_field() {
    for unknown in [r#""other": "\ud800""#, r#""\udfff": 1"#, r#""other": {"\ud800": ["\ud800"]}"#] {
        assert!(order(&format!(r#"{{{unknown}, "name": "a"}}"#)).is_ok(), "{unknown}");
    }
    assert!(order(r#"{"name": "\ud800"}"#).is_err(), "a field that is read must be Unicode");
}

#[test]
fn keeps_error_paths_and_raw_values() {
    let mut json = serde_json::Deserializer::from_str(r#"{"name": "a", "parts": [{"count": "x"}]}"#);
    let error = serde_path_to_error::deserialize::<_, Order>(Strict::new(&mut json)).unwrap_err();
    assert_eq!(error.path().to_string(), "parts[0].count");
    let raw: Vec<&RawValue> = from_str(r#"[{"a": 1, "a": 2}, 7]"#).unwrap();
    assert_eq!(raw.iter().map(|raw| raw.get()).collect::<Vec<_>>(), [r#"{"a": 1, "a": 2}"#, "7"]);
}

#[test]
fn deep_nesting_in_ignored_field_uses_no_stack() {
    let json = format!(r#"{{"name": "a", "other": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(order(&json).is_ok());
    assert!(from_str::<Value>(&"[".repeat(100_000)).is_err());
}
