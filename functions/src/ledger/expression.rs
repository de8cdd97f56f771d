//! DynamoDB expressions. Every attribute appears as `#name`, because many names are [reserved
//! words].
//!
//! [reserved words]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::{LedgerError, item::Item};

/// The `ExpressionAttributeNames` that map each `#name` in `expressions` to `name`.
pub(super) fn names(expressions: &[&str]) -> HashMap<String, String> {
    placeholders(expressions).map(|name| (name.to_owned(), name[1..].to_owned())).collect()
}

/// Every `#name` in `expressions`, repeated ones included.
pub(super) fn placeholders<'a>(expressions: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expressions.iter().flat_map(move |expression| {
        expression.match_indices('#').map(move |(start, _)| {
            let rest = &expression[start + 1..];
            &expression[start..=start + rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
        })
    })
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass temporaries")]
pub(super) fn string(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass temporaries")]
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn empty_map() -> AttributeValue {
    AttributeValue::M(Item::new())
}

pub(super) fn document(value: impl Serialize) -> Result<AttributeValue, LedgerError> {
    serde_dynamo::to_attribute_value(value)
        .map_err(|error| LedgerError::Defect(format!("a value cannot be serialized: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_every_placeholder_in_expressions() {
        let found = names(&["#a = :a AND (#b_2 < :b)", "SET #c.#d = :x REMOVE #a"]);
        let mut found: Vec<_> = found.into_iter().map(|(key, name)| format!("{key}={name}")).collect();
        found.sort();
        assert_eq!(found, ["#a=a", "#b_2=b_2", "#c=c", "#d=d"]);
    }
}
