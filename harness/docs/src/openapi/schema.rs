//! JSON schemas in words.

use serde_json::Value;

use super::{map, text};
use crate::markdown::slug;

/// A field of an object, also of one within.
pub(super) struct Field {
    /// Such as `resources[].reasons[].code`.
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: String,
}

/// The fields of an object, or of the objects that an array has; empty for other types.
pub(super) fn fields(schema: &Value) -> Vec<Field> {
    let mut all = Vec::new();
    add_fields(schema, "", &mut all);
    all
}

fn add_fields(schema: &Value, prefix: &str, all: &mut Vec<Field>) {
    if let Some(items) = schema.get("items") {
        return add_fields(items, &format!("{prefix}[]"), all);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        add_fields(part, prefix, all);
    }
    let dot = if prefix.is_empty() { "" } else { "." };
    let required = schema["required"].as_array();
    for (name, field) in map(&schema["properties"]) {
        let path = format!("{prefix}{dot}{name}");
        all.push(Field {
            path: path.clone(),
            kind: type_of(field),
            required: required.is_some_and(|required| required.iter().any(|other| other == name.as_str())),
            description: described(field),
        });
        add_fields(field, &path, all);
    }
}

/// The type, with its limits: `string, 2 to 90 characters`.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(name) = text(&schema["$ref"]).rsplit_once('/').map(|(_, name)| name) {
        return format!("[{name}](#{})", slug(name));
    }
    for (parts, word) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(parts) = schema[parts].as_array() {
            let named =
                |part: &&Value| word == " or " || part.get("$ref").is_some() || part.get("type").is_some();
            return parts.iter().filter(named).map(type_of).collect::<Vec<_>>().join(word);
        }
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
    }
    let mut words = match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("array of {}", type_of(&schema["items"])),
        Value::String(kind) if kind == "object" && schema["additionalProperties"].is_object() => {
            format!("map of string to {}", type_of(&schema["additionalProperties"]))
        }
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ => "any".to_owned(),
    };
    if let Some(format) = schema["format"].as_str() {
        words = format!("{words} ({format})");
    }
    for limit in limits(schema) {
        words = format!("{words}, {limit}");
    }
    words
}

fn limits(schema: &Value) -> impl Iterator<Item = String> {
    let range = |least: &str, most: &str, unit: &str| {
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        match (schema.get(least), schema.get(most)) {
            (Some(least), Some(most)) if least == most => Some(format!("{least}{unit}")),
            (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
            (Some(least), None) => Some(format!("at least {least}{unit}")),
            (None, Some(most)) => Some(format!("at most {most}{unit}")),
            (None, None) => None,
        }
    };
    let pattern = schema["pattern"].as_str().map(|pattern| format!("matches `{pattern}`"));
    let default = schema.get("default").map(|value| format!("default `{value}`"));
    let ranges = [
        range("minLength", "maxLength", "characters"),
        range("minItems", "maxItems", "items"),
        range("minimum", "maximum", ""),
    ];
    ranges.into_iter().chain([pattern, default]).flatten()
}

/// The description, in one paragraph, without a full stop at its end.
pub(super) fn described(value: &Value) -> String {
    let words = text(&value["description"]).split_whitespace().collect::<Vec<_>>().join(" ");
    words.trim_end_matches('.').to_owned()
}

/// Text for the cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
