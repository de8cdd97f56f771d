//! The query parameter `search`: options and scopes, each followed by a colon, then the search
//! text.

use axum::http::StatusCode;
use serde::Serialize;

use crate::{ApiError, store::StoredKey};

/// Maximum number of keys that can be searched.
const MAX_KEYS: usize = 5_000;

/// A search, which the response repeats.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Search {
    query: String,
    scopes: Vec<&'static str>,
    #[serde(rename = "not")]
    inverted: bool,
    exact: bool,
}

/// Checks that the number of keys is not too large for a search.
pub(super) fn check_number_of_keys(keys: usize) -> Result<(), ApiError> {
    if keys <= MAX_KEYS {
        return Ok(());
    }
    let message =
        format!("Cannot search {keys} keys: select at most {MAX_KEYS} by state, extractable or key ring");
    Err(ApiError::new(StatusCode::BAD_REQUEST, "KEY_SEARCH_TOO_BROAD", message))
}

impl Search {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut search = Self { query: String::new(), scopes: Vec::new(), inverted: false, exact: false };
        // The Go client appends a comma to every search.
        let mut rest = text.strip_suffix(',').unwrap_or(text);
        loop {
            let (option, after) = rest.split_once(':').unwrap_or_default();
            match option {
                "not" => search.inverted = true,
                "exact" => search.exact = true,
                "alias" => search.scope("alias"),
                "name" => search.scope("name"),
                "escape" => {
                    rest = after;
                    break;
                }
                _ => break,
            }
            rest = after;
        }
        if rest.is_empty() {
            return Err(ApiError::field("search", "must contain a search text"));
        }
        if search.scopes.is_empty() {
            search.scopes = vec!["name", "alias"];
        }
        Ok(Self { query: rest.to_owned(), ..search })
    }

    fn scope(&mut self, scope: &'static str) {
        if !self.scopes.contains(&scope) {
            self.scopes.push(scope);
        }
    }

    /// The matching keys. A key with the search text as its ID or alias comes first.
    pub(super) fn apply(&self, mut keys: Vec<StoredKey>) -> Vec<StoredKey> {
        keys.retain(|key| self.matches(key) || self.names(key));
        keys.sort_by_key(|key| !self.names(key));
        keys
    }

    fn matches(&self, key: &StoredKey) -> bool {
        let names = self.scopes.contains(&"name").then(|| key.description.name.clone()).flatten();
        let aliases = self.scopes.contains(&"alias").then_some(&key.description.aliases);
        let aliases = aliases.into_iter().flatten().map(ToString::to_string);
        let found = names.into_iter().chain(aliases).any(|text| self.finds(&text));
        found != self.inverted
    }

    fn finds(&self, text: &str) -> bool {
        let (text, query) = (text.to_lowercase(), self.query.to_lowercase());
        if self.exact { text == query } else { text.contains(&query) }
    }

    fn names(&self, key: &StoredKey) -> bool {
        let by_alias = self.scopes.contains(&"alias")
            && key.description.aliases.iter().any(|alias| alias.to_string() == self.query);
        !self.inverted && (by_alias || key.record.crn.key.to_string() == self.query.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str, scopes: &[&'static str], inverted: bool, exact: bool) -> Search {
        Search { query: query.to_owned(), scopes: scopes.to_vec(), inverted, exact }
    }

    #[test]
    fn parses_options_and_scopes_in_any_order() {
        let both = ["name", "alias"];
        for (text, expected) in [
            ("foo", search("foo", &both, false, false)),
            ("not:exact:foo", search("foo", &both, true, true)),
            ("exact:not:foo", search("foo", &both, true, true)),
            ("exact:escape:not:foo", search("not:foo", &both, false, true)),
            ("alias:not:foo", search("foo", &["alias"], true, false)),
            ("name:exact:foo", search("foo", &["name"], false, true)),
            ("name:alias:foo", search("foo", &both, false, false)),
            ("a:b", search("a:b", &both, false, false)),
            ("foo,", search("foo", &both, false, false)),
            ("name:exact:foo,", search("foo", &["name"], false, true)),
            ("a,b,,", search("a,b,", &both, false, false)),
        ] {
            assert_eq!(Search::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn rejects_empty_search_text() {
        for text in ["", ",", "not:", "not:,", "escape:"] {
            assert_eq!(Search::parse(text).unwrap_err().code, "INVALID_FIELD_ERR", "{text}");
        }
    }

    #[test]
    fn search_ignores_letter_case() {
        let finds = |text: &str, name: &str| Search::parse(text).unwrap().finds(name);
        assert!(finds("foo", "xFOObar") && !finds("exact:foo", "xfoo") && finds("exact:Foo", "foo"));
    }

    #[test]
    fn rejects_search_of_too_many_keys() {
        assert_eq!(check_number_of_keys(5_000), Ok(()));
        assert_eq!(check_number_of_keys(5_001).unwrap_err().code, "KEY_SEARCH_TOO_BROAD");
    }
}
