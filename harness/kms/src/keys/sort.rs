//! The query parameter `sort`: properties, separated by commas. A prefix `-` means descending
//! order.

use std::cmp::Ordering;

use keysync::domain::EpochMillis;

use super::filter::DateOf;
use crate::{ApiError, store::StoredKey};

/// One property to sort by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct By {
    property: Property,
    descending: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Property {
    Id,
    State,
    Extractable,
    Imported,
    Date(DateOf),
}

pub(super) fn parse(text: &str) -> Result<Vec<By>, ApiError> {
    text.split(',').filter(|term| !term.is_empty()).map(parse_term).collect()
}

fn parse_term(term: &str) -> Result<By, ApiError> {
    let (name, descending) = term.strip_prefix('-').map_or((term, false), |name| (name, true));
    let property = match name {
        "id" => Property::Id,
        "state" => Property::State,
        "extractable" => Property::Extractable,
        "imported" => Property::Imported,
        _ => DateOf::parse(name)
            .map(Property::Date)
            .ok_or_else(|| ApiError::field("sort", format!("has the unknown property `{name}`")))?,
    };
    Ok(By { property, descending })
}

/// Sorts keys. The sort is stable: keys that compare equal stay in the order of their IDs.
pub(super) fn by(keys: &mut [StoredKey], order: &[By], now: EpochMillis) {
    keys.sort_by(|one, other| {
        order
            .iter()
            .map(|by| by.compare(one, other, now))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

impl By {
    fn compare(&self, one: &StoredKey, other: &StoredKey, now: EpochMillis) -> Ordering {
        let order = match &self.property {
            Property::Id => one.record.crn.key.cmp(&other.record.crn.key),
            Property::State => u8::from(one.state(now)).cmp(&u8::from(other.state(now))),
            Property::Extractable => other.is_root().cmp(&one.is_root()),
            Property::Imported => one.description.imported.cmp(&other.description.imported),
            Property::Date(date) => date.of(one).cmp(&date.of(other)),
        };
        if self.descending { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_terms_and_rejects_unknown_property() {
        let terms = parse("-creationDate,state").unwrap();
        let creation = By { property: Property::Date(DateOf::Creation), descending: true };
        assert_eq!(terms, [creation, By { property: Property::State, descending: false }]);
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("name").unwrap_err().code, "INVALID_FIELD_ERR");
    }
}
