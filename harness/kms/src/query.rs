//! Query parameters: pages, flags and lists.

use std::{convert::Infallible, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use url::form_urlencoded;

use super::ApiError;

/// The largest page that can be asked for.
const MOST: usize = 5_000;

/// A request's query, decoded.
pub(super) struct Params(Vec<(String, String)>);

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    offset: usize,
    limit: usize,
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    pub(super) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// All values of a parameter: public clients repeat it, or join its values with commas. Without a value
    /// it is an empty list: the Python client sends `state=` where it asks for no states.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let said = self.0.iter().filter(|(key, value)| key == name && !value.is_empty());
        said.flat_map(|(_, value)| value.split(',')).collect()
    }

    /// The value of a parameter that is given once.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `true` or `false`, in any case.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)
            .map(|value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(ApiError::field(name, format!("must be true or false: got `{value}`"))),
            })
            .transpose()
    }

    /// `limit`, which is `most_by_default` where it is not given, and `offset`.
    pub(super) fn page(&self, most_by_default: usize) -> Result<Page, ApiError> {
        let limit = self.number("limit", 1..=MOST)?.unwrap_or(most_by_default);
        let offset = self.number("offset", 0..=usize::MAX)?.unwrap_or(0);
        Ok(Page { offset, limit })
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<usize>) -> Result<Option<usize>, ApiError> {
        let parse = |value: &str| usize::from_str(value).ok().filter(|number| range.contains(number));
        let problem = |value: &str| {
            let (least, most) = (range.start(), range.end());
            ApiError::field(name, format!("must be a number from {least} to {most}: got `{value}`"))
        };
        self.text(name).map(|value| parse(value).ok_or_else(|| problem(value))).transpose()
    }
}

impl Page {
    /// This page of `all`.
    pub(super) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_repeated_or_joined() {
        assert_eq!(Params::parse("state=1,5&state=2&x=3").list("state"), ["1", "5", "2"]);
        for nothing in ["", "state", "state=", "state=&x=3"] {
            assert!(Params::parse(nothing).list("state").is_empty(), "{nothing}");
        }
    }

    #[test]
    fn flags_are_true_or_false_in_any_case() {
        assert_eq!(Params::parse("force=True").flag("force"), Ok(Some(true)));
        assert_eq!(Params::parse("").flag("force"), Ok(None));
        assert!(Params::parse("force=1").flag("force").is_err());
    }

    #[test]
    fn pages_are_cut_from_a_list() {
        let page = |query: &str| Params::parse(query).page(2).map(|page| page.of(vec![1, 2, 3, 4]));
        assert_eq!(page(""), Ok(vec![1, 2]));
        assert_eq!(page("limit=3&offset=1"), Ok(vec![2, 3, 4]));
        assert_eq!(page("offset=9"), Ok(vec![]));
        for wrong in ["limit=0", "limit=5001", "limit=x", "offset=-1"] {
            let error = page(wrong).unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (400, "INVALID_FIELD_ERR"), "{wrong}");
        }
    }
}
