//! Query parameters: pages, flags, lists.

use std::{convert::Infallible, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use url::form_urlencoded;

use super::ApiError;

/// Maximum page size.
const MAX_PAGE: usize = 5_000;

/// A request's query, decoded.
pub(super) struct Params(Vec<(String, String)>);

/// The requested part of a list.
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

    /// All values of a parameter. Public clients repeat the parameter or separate values with
    /// commas. A parameter without a value is an empty list: the Python client sends `state=` for
    /// no states.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(key, value)| key == name && !value.is_empty());
        values.flat_map(|(_, value)| value.split(',')).collect()
    }

    /// The first value of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A Boolean parameter: `true` or `false`, in any letter case.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)
            .map(|value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(ApiError::field(name, format!("must be true or false: got `{value}`"))),
            })
            .transpose()
    }

    /// The page from `limit`, by default `default_limit`, and `offset`.
    pub(super) fn page(&self, default_limit: usize) -> Result<Page, ApiError> {
        let limit = self.number("limit", 1..=MAX_PAGE)?.unwrap_or(default_limit);
        let offset = self.number("offset", 0..=usize::MAX)?.unwrap_or(0);
        Ok(Page { offset, limit })
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<usize>) -> Result<Option<usize>, ApiError> {
        let parse = |value: &str| usize::from_str(value).ok().filter(|number| range.contains(number));
        let problem = |value: &str| {
            let (least, most) = (range.start(), range.end());
            ApiError::field(name, format!("must be an integer from {least} to {most}: got `{value}`"))
        };
        self.text(name).map(|value| parse(value).ok_or_else(|| problem(value))).transpose()
    }
}

impl Page {
    /// The elements of `all` on this page.
    pub(super) fn of<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_accepts_repeated_and_joined_values() {
        assert_eq!(Params::parse("state=1,5&state=2&x=3").list("state"), ["1", "5", "2"]);
        for empty in ["", "state", "state=", "state=&x=3"] {
            assert!(Params::parse(empty).list("state").is_empty(), "{empty}");
        }
    }

    #[test]
    fn flag_accepts_booleans_in_any_case() {
        assert_eq!(Params::parse("force=True").flag("force"), Ok(Some(true)));
        assert_eq!(Params::parse("").flag("force"), Ok(None));
        assert!(Params::parse("force=1").flag("force").is_err());
    }

    #[test]
    fn page_selects_elements_and_validates_bounds() {
        let page = |query: &str| Params::parse(query).page(2).map(|page| page.of(vec![1, 2, 3, 4]));
        assert_eq!(page(""), Ok(vec![1, 2]));
        assert_eq!(page("limit=3&offset=1"), Ok(vec![2, 3, 4]));
        assert_eq!(page("offset=9"), Ok(vec![]));
        for invalid in ["limit=0", "limit=5001", "limit=x", "offset=-1"] {
            let error = page(invalid).unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (400, "INVALID_FIELD_ERR"), "{invalid}");
        }
    }
}
