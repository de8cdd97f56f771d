//! The schema, its examples and changed examples.

use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../docs/reference/lifecycle-event.schema.json");

pub(crate) const CREATE: &str = "kms.secrets.create";
pub(crate) const ROTATE: &str = "kms.secrets.rotate";
pub(crate) const DELETE: &str = "kms.secrets.delete";
pub(crate) const RESTORE: &str = "kms.secrets.restore";
pub(crate) const ENABLE: &str = "kms.secrets.enable";
pub(crate) const DISABLE: &str = "kms.secrets.disable";
pub(crate) const PURGE: &str = "kms.secrets.purge";
pub(crate) const REGISTER: &str = "kms.registrations.create";
pub(crate) const UNREGISTER: &str = "kms.registrations.delete";
pub(crate) const ACKNOWLEDGE: &str = "kms.secrets-event.ack";
pub(crate) const ALL: [&str; 10] =
    [CREATE, ROTATE, DELETE, RESTORE, ENABLE, DISABLE, PURGE, REGISTER, UNREGISTER, ACKNOWLEDGE];

pub(crate) fn schema() -> Value {
    SCHEMA.parse().expect("JSON")
}

pub(crate) fn validator() -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema()).expect("a schema")
}

/// The violations of the schema, each with its place. Empty if the event is valid.
pub(crate) fn violations(schema: &Validator, event: &Value) -> String {
    let violations = schema.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path()));
    violations.collect::<Vec<_>>().join("; ")
}

/// The example of this event type in the schema.
pub(crate) fn example(kind: &str) -> Value {
    let schema = schema();
    let examples = schema["examples"].as_array().expect("examples");
    let mut of_kind = examples.iter().filter(|example| example["detail-type"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("no example of {kind}")).clone()
}

/// The example of this type with `value` at `pointer`, or without that field.
pub(crate) fn with(kind: &str, pointer: &str, value: Option<Value>) -> Value {
    let mut event = example(kind);
    let (within, field) = pointer.rsplit_once('/').expect("a JSON pointer");
    let object = event.pointer_mut(within).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => object.insert(field.to_owned(), value),
        None => object.remove(field),
    };
    event
}

/// The JSON pointers of all fields within `value`.
pub(crate) fn pointers(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .flat_map(|(field, value)| {
            let within = pointers(value).into_iter().map(move |rest| format!("/{field}{rest}"));
            [format!("/{field}")].into_iter().chain(within)
        })
        .collect()
}

pub(crate) fn string(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).expect("a string").to_owned()
}
