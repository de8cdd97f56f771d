//! The body of an `UpdateItem` request.

use std::borrow::Cow;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    Serialize, Serializer,
    ser::{Error, SerializeMap},
};

use crate::ledger::{
    expression::placeholders,
    item::KEY_ITEM,
    update::{ReturnItem, Update},
};

/// The parameters of a request, as DynamoDB names them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Body<'a> {
    table_name: &'a str,
    key: Key<'a>,
    condition_expression: &'a str,
    update_expression: &'a str,
    expression_attribute_names: Names<'a>,
    expression_attribute_values: Values<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values_on_condition_check_failure: Option<&'static str>,
}

impl<'a> Body<'a> {
    /// The request that executes `update` on the item with the partition key `pk`.
    pub(super) fn of(table: &'a str, pk: &'a str, update: &'a Update<'_>) -> Self {
        let returns_item = update.returns == ReturnItem::Always;
        Self {
            table_name: table,
            key: Key { pk: Text { s: pk }, sk: Text { s: KEY_ITEM } },
            condition_expression: update.condition,
            update_expression: update.effect,
            expression_attribute_names: Names(update),
            expression_attribute_values: Values(&update.values),
            return_values: returns_item.then_some("ALL_NEW"),
            return_values_on_condition_check_failure: returns_item.then_some("ALL_OLD"),
        }
    }

    /// The JSON document. `None` for a value of a type that the thin client does not know.
    pub(super) fn to_json(&self) -> Option<Vec<u8>> {
        let mut json = Vec::with_capacity(2048);
        serde_json::to_writer(&mut json, self).ok()?;
        Some(json)
    }
}

#[derive(Serialize)]
struct Key<'a> {
    pk: Text<'a>,
    sk: Text<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "S")]
    s: &'a str,
}

struct Names<'a>(&'a Update<'a>);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Update { condition, effect, names, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        let mut written = Vec::with_capacity(32);
        for placeholder in placeholders(&[condition, effect]) {
            // `names` has those whose name differs from the placeholder.
            let is_given = names.iter().any(|(given, _)| given == placeholder);
            if !is_given && !written.contains(&placeholder) {
                written.push(placeholder);
                map.serialize_entry(placeholder, &placeholder[1..])?;
            }
        }
        for (placeholder, name) in names {
            map.serialize_entry(placeholder, name)?;
        }
        map.end()
    }
}

struct Values<'a>(&'a [(Cow<'a, str>, AttributeValue)]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Value(value))))
    }
}

/// A value with its type.
struct Value<'a>(&'a AttributeValue);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(text) => map.serialize_entry("S", text)?,
            AttributeValue::N(number) => map.serialize_entry("N", number)?,
            AttributeValue::Bool(value) => map.serialize_entry("BOOL", value)?,
            AttributeValue::Null(value) => map.serialize_entry("NULL", value)?,
            AttributeValue::Ss(texts) => map.serialize_entry("SS", texts)?,
            AttributeValue::L(values) => {
                map.serialize_entry("L", &values.iter().map(Value).collect::<Vec<_>>())?;
            }
            AttributeValue::M(fields) => map.serialize_entry("M", &Fields(fields))?,
            _ => return Err(S::Error::custom("the ledger writes no value of this type")),
        }
        map.end()
    }
}

struct Fields<'a>(&'a crate::ledger::item::Item);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Value(value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_is_named_once() {
        let mut update = Update::new("#a = :a AND #s0 = :a", "SET #a = :b, #b = :b REMOVE #s0", Vec::new());
        update.names = vec![("#s0".to_owned(), "secrets-manager".to_owned())];
        let names = serde_json::to_string(&Names(&update)).unwrap();
        assert_eq!(names, r##"{"#a":"a","#b":"b","#s0":"secrets-manager"}"##);
    }

    #[test]
    fn value_has_its_type() {
        for (value, expected) in [
            (AttributeValue::Null(true), r#"{"NULL":true}"#),
            (AttributeValue::Ss(vec!["a".to_owned()]), r#"{"SS":["a"]}"#),
            (AttributeValue::Bool(false), r#"{"BOOL":false}"#),
        ] {
            assert_eq!(serde_json::to_string(&Value(&value)).unwrap(), expected);
        }
    }
}
