//! The query parameter `sort`: properties, separated by commas, `-` before one that goes downwards.

use std::cmp::Ordering;

use keysync::domain::EpochMillis;

use super::filter::DateOf;
use crate::{ApiError, store::StoredKey};

/// One property to sort by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct By {
    property: Property,
    downwards: bool,
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
    let (name, downwards) = term.strip_prefix('-').map_or((term, false), |name| (name, true));
    let property = match name {
        "id" => Property::Id,
        "state" => Property::State,
        "extractable" => Property::Extractable,
        "imported" => Property::Imported,
        _ => DateOf::parse(name)
            .map(Property::Date)
            .ok_or_else(|| ApiError::field("sort", format!("names `{name}`, which cannot be sorted by")))?,
    };
    Ok(By { property, downwards })
}

/// Sorts keys that are in the order of their ids, which stays where nothing else decides.
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
        if self.downwards { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_come_one_after_the_other() {
        let terms = parse("-creationDate,state").unwrap();
        let down = By { property: Property::Date(DateOf::Creation), downwards: true };
        assert_eq!(terms, [down, By { property: Property::State, downwards: false }]);
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("name").unwrap_err().code, "INVALID_FIELD_ERR");
    }
}
