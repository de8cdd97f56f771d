//! Values of attributes in DynamoDB's JSON.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An item: its attributes by name.
pub(crate) type Item = BTreeMap<String, Attribute>;

/// The value of an attribute, of the types that keysync uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Attribute {
    #[serde(rename = "S")]
    Text(String),
    #[serde(rename = "N")]
    Number(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    #[serde(rename = "SS")]
    Texts(BTreeSet<String>),
    #[serde(rename = "L")]
    List(Vec<Attribute>),
    #[serde(rename = "M")]
    Map(Item),
}

impl Attribute {
    /// The integer; keysync stores no other numbers.
    pub(super) fn integer(&self) -> Option<i128> {
        if let Self::Number(number) = self { number.parse().ok() } else { None }
    }

    /// The order of two values of the same type; `None` for other types.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(_), Self::Number(_)) => Some(self.integer()?.cmp(&other.integer()?)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    /// What `size` returns: the number of elements, or of bytes.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Texts(texts) => Some(texts.len()),
            Self::List(values) => Some(values.len()),
            Self::Map(fields) => Some(fields.len()),
            Self::Number(_) | Self::Bool(_) | Self::Null(_) => None,
        }
    }

    /// The value in plain JSON.
    fn plain(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => number.parse::<u64>().map_or(number.as_str().into(), Value::from),
            Self::Bool(value) => (*value).into(),
            Self::Null(_) => Value::Null,
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Self::List(values) => values.iter().map(Self::plain).collect(),
            Self::Map(fields) => plain(fields),
        }
    }
}

/// An item in plain JSON.
pub(crate) fn plain(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value.plain())).collect())
}
