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
    expressions
        .iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect()
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
