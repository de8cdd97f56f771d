//! The query parameter `filter`: conditions `<property>=<value>` or
//! `<property>=<operator>:<value>`, separated by spaces.

use jiff::Timestamp;
use keysync::domain::EpochMillis;

use crate::{ApiError, store::StoredKey};

/// Maximum number of conditions on one property.
const MAX_PER_PROPERTY: usize = 3;

/// Conditions that must all be true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter(Vec<Condition>);

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Date(DateOf, Dates),
    Extractable(bool),
    State(Vec<u8>),
}

/// A date property of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateOf {
    Creation,
    Deletion,
    Expiration,
    LastRotate,
    LastUpdate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dates {
    None,
    At(i64),
    Before(i64),
    UpTo(i64),
    After(i64),
    From(i64),
}

impl DateOf {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "creationDate" => Some(Self::Creation),
            "deletionDate" => Some(Self::Deletion),
            "expirationDate" => Some(Self::Expiration),
            "lastRotateDate" => Some(Self::LastRotate),
            "lastUpdateDate" => Some(Self::LastUpdate),
            _ => None,
        }
    }

    pub(super) fn of(self, key: &StoredKey) -> Option<EpochMillis> {
        match self {
            Self::Creation => Some(key.created_at()),
            Self::Deletion => key.deleted_at(),
            Self::Expiration => key.description.expiration_at,
            Self::LastRotate => key.rotated_at(),
            Self::LastUpdate => Some(key.updated_at()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Creation => "creationDate",
            Self::Deletion => "deletionDate",
            Self::Expiration => "expirationDate",
            Self::LastRotate => "lastRotateDate",
            Self::LastUpdate => "lastUpdateDate",
        }
    }
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let conditions = text.split_whitespace().map(Condition::parse).collect::<Result<Vec<_>, _>>()?;
        let filter = Self(conditions);
        for condition in &filter.0 {
            let name = condition.property();
            if filter.0.iter().filter(|other| other.property() == name).count() > MAX_PER_PROPERTY {
                return Err(problem(&format!("names `{name}` more than {MAX_PER_PROPERTY} times")));
            }
        }
        Ok(filter)
    }

    pub(super) fn has(&self, property: &str) -> bool {
        self.0.iter().any(|condition| condition.property() == property)
    }

    /// Rejects a property that both the filter and a separate parameter specify.
    pub(super) fn allow_beside(&self, parameter: &str, is_given: bool) -> Result<(), ApiError> {
        if is_given && self.has(parameter) {
            return Err(problem(&format!(
                "conflicts with the parameter `{parameter}`: use only one of them"
            )));
        }
        Ok(())
    }

    pub(super) fn matches(&self, key: &StoredKey, now: EpochMillis) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Date(property, dates) => dates.contain(property.of(key)),
            Condition::Extractable(extractable) => *extractable != key.is_root(),
            Condition::State(states) => states.contains(&u8::from(key.state(now))),
        })
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            problem(&format!("contains the invalid condition `{text}`: write `<property>=<value>`"))
        })?;
        match name {
            "extractable" if value.eq_ignore_ascii_case("true") => Ok(Self::Extractable(true)),
            "extractable" if value.eq_ignore_ascii_case("false") => Ok(Self::Extractable(false)),
            "extractable" => Err(problem("must have the value true or false for `extractable`")),
            "state" => value.split(',').map(parse_state).collect::<Result<_, _>>().map(Self::State),
            _ => match DateOf::parse(name) {
                Some(property) => Ok(Self::Date(property, Dates::parse(value)?)),
                None => Err(problem(&format!("has the unknown property `{name}`"))),
            },
        }
    }

    fn property(&self) -> &'static str {
        match self {
            Self::Date(property, _) => property.name(),
            Self::Extractable(_) => "extractable",
            Self::State(_) => "state",
        }
    }
}

impl Dates {
    fn parse(text: &str) -> Result<Self, ApiError> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }
        let (dates, value): (fn(i64) -> Self, _) = match text.split_once(":\"").map(|(operator, _)| operator)
        {
            Some("lte") => (Self::UpTo, &text[4..]),
            Some("lt") => (Self::Before, &text[3..]),
            Some("gte") => (Self::From, &text[4..]),
            Some("gt") => (Self::After, &text[3..]),
            _ => (Self::At, text),
        };
        let date = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let date = date.and_then(|date| date.parse::<Timestamp>().ok());
        let expected = "must have an RFC 3339 timestamp in double quotes, optionally after `lt:`, `lte:`, `gt:` or `gte:`";
        date.map(|date| dates(date.as_second())).ok_or_else(|| problem(&format!("{expected}: got `{text}`")))
    }

    /// Whether a date matches. Dates are compared with a resolution of one second, as in responses.
    fn contain(self, at: Option<EpochMillis>) -> bool {
        let Some(at) = at.and_then(|at| i64::try_from(at.secs()).ok()) else { return self == Self::None };
        match self {
            Self::None => false,
            Self::At(date) => at == date,
            Self::Before(date) => at < date,
            Self::UpTo(date) => at <= date,
            Self::After(date) => at > date,
            Self::From(date) => at >= date,
        }
    }
}

/// Parses the number of a state. The states 0 and 4 are valid, but no key is ever in them.
pub(super) fn parse_state(text: &str) -> Result<u8, ApiError> {
    let problem = || ApiError::field("state", format!("must be integers from 0 to 5: got `{text}`"));
    text.parse().ok().filter(|state| *state <= 5).ok_or_else(problem)
}

fn problem(problem: &str) -> ApiError {
    ApiError::field("filter", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_compare_whole_seconds() {
        let second = 1_645_000_000;
        let date = EpochMillis::new(second * 1000).to_string();
        for (operator, before, at, after) in [
            ("", false, true, false),
            ("lt:", true, false, false),
            ("lte:", true, true, false),
            ("gt:", false, false, true),
            ("gte:", false, true, true),
        ] {
            let dates = Dates::parse(&format!("{operator}\"{date}\"")).unwrap();
            let holds = |millis: u64| dates.contain(Some(EpochMillis::new(millis)));
            let found = (holds(second * 1000 - 1), holds(second * 1000 + 999), holds(second * 1000 + 1000));
            assert_eq!(found, (before, at, after), "{operator}");
            assert!(!dates.contain(None), "{operator}: a key without the date matches no range");
        }
        assert!(Dates::parse("NONE").unwrap().contain(None));
        assert!(!Dates::parse("none").unwrap().contain(Some(EpochMillis::new(1))));
    }

    #[test]
    fn parses_conditions_in_order() {
        let filter = Filter::parse(
            r#"lastRotateDate=gte:"2022-02-15T00:00:00Z" lastRotateDate=lt:"2022-03-15T00:00:00Z" state=0,1,5 extractable=False"#,
        );
        let filter = filter.unwrap();
        assert_eq!(filter.0.len(), 4);
        assert_eq!(filter.0[2], Condition::State(vec![0, 1, 5]));
        assert_eq!(filter.0[3], Condition::Extractable(false));
        assert!(filter.allow_beside("state", true).is_err() && filter.allow_beside("state", false).is_ok());
        assert_eq!(Filter::parse(""), Ok(Filter(vec![])));
    }

    #[test]
    fn rejects_invalid_conditions() {
        for invalid in [
            "name=x",
            "state",
            "state=6",
            "extractable=yes",
            "creationDate=2022-02-15T00:00:00Z",
            r#"creationDate=eq:"2022-02-15T00:00:00Z""#,
            "state=1 state=1 state=1 state=1",
        ] {
            assert_eq!(Filter::parse(invalid).unwrap_err().code, "INVALID_FIELD_ERR", "{invalid}");
        }
    }
}
