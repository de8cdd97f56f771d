//! The conditions on the requests of a harness: query parameters, and the form for them.

use http::HeaderName;
use maud::{Markup, html};
use serde::Deserialize;

use super::{harness::PATH, paging::Paging};
use crate::view::{Button, Field, button, link_button, search_field, select_field, text_field};

const PARTS: [(&str, &str); 4] =
    [("", "All parts"), ("endpoint", "Endpoint"), ("iam", "IAM"), ("services", "Services")];

const METHODS: [(&str, &str); 7] = [
    ("", "All methods"),
    ("GET", "GET"),
    ("HEAD", "HEAD"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("PATCH", "PATCH"),
    ("DELETE", "DELETE"),
];

/// Query parameters of the journal, with the names of the control API.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestsQuery {
    to: String,
    method: String,
    path: String,
    header: String,
    status: String,
    #[serde(flatten)]
    pub(super) paging: Paging,
}

impl RequestsQuery {
    /// The conditions that are valid.
    pub(super) fn filter(&self) -> Vec<(&'static str, &str)> {
        let known = |choices: &[(&str, &str)], value: &str| choices.iter().any(|(known, _)| *known == value);
        let mut filter = vec![("path", self.path.trim())];
        filter.extend(known(&PARTS, &self.to).then_some(("to", self.to.as_str())));
        filter.extend(known(&METHODS, &self.method).then_some(("method", self.method.as_str())));
        filter.extend(self.header_error().is_none().then_some(("header", self.header.trim())));
        filter.extend(self.status_error().is_none().then_some(("status", self.status.trim())));
        filter
    }

    /// All parameters but the page.
    pub(super) fn parameters(&self) -> [(&'static str, &str); 5] {
        [
            ("to", &self.to),
            ("method", &self.method),
            ("path", &self.path),
            ("header", &self.header),
            ("status", &self.status),
        ]
    }

    /// URL of the page with this part of the journal.
    pub(super) fn url(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters()).append_pair("limit", &self.paging.limit().to_string());
        format!("{PATH}?{}", query.append_pair("page", &self.paging.page().to_string()).finish())
    }

    fn is_filtered(&self) -> bool {
        self.parameters().iter().any(|(_, value)| !value.trim().is_empty())
    }

    fn header_error(&self) -> Option<&'static str> {
        let header = self.header.trim();
        let name = header.split_once(':').map(|(name, _)| name.trim());
        let is_valid = header.is_empty() || name.is_some_and(|name| name.parse::<HeaderName>().is_ok());
        (!is_valid).then_some("Enter name and value, such as correlation-id:4f2a.")
    }

    fn status_error(&self) -> Option<&'static str> {
        let status = self.status.trim();
        let is_valid =
            status.is_empty() || status.parse().is_ok_and(|status| (100..=599_u16).contains(&status));
        (!is_valid).then_some("Enter a number from 100 to 599.")
    }
}

/// The form.
pub(super) fn toolbar(query: &RequestsQuery) -> Markup {
    let part = Field { name: "to", label: "Part", value: &query.to, ..Field::default() };
    let method = Field { name: "method", label: "Method", value: &query.method, ..Field::default() };
    let text = |name, label, value, error| Field {
        name,
        label,
        value,
        error,
        placeholder: Some(label),
        autocomplete: Some("off"),
        ..Field::default()
    };
    html! {
        .data-table__toolbar { form.toolbar method="get" action=(PATH) role="search" aria-label="Requests" {
            (search_field(text("path", "Path contains", &query.path, None)))
            (select_field(part, &PARTS))
            (select_field(method, &METHODS))
            (text_field(text("status", "Status", &query.status, query.status_error())))
            (text_field(text("header", "Header: name:value", &query.header, query.header_error())))
            (button(Button::Secondary, "Filter"))
            @if query.is_filtered() { (link_button(Button::Ghost, PATH, "Clear")) }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_conditions_are_left_out() {
        let query = |header: &str, status: &str, to: &str| RequestsQuery {
            header: header.to_owned(),
            status: status.to_owned(),
            to: to.to_owned(),
            ..RequestsQuery::default()
        };
        let valid = query(" correlation-id: a:b ", "503", "iam");
        let expected = [
            ("path", ""),
            ("to", "iam"),
            ("method", ""),
            ("header", "correlation-id: a:b"),
            ("status", "503"),
        ];
        assert_eq!(valid.filter(), expected);
        for (header, status, to) in [("no colon", "99", "moon"), ("bad name:x", "abc", "IAM")] {
            let query = query(header, status, to);
            assert_eq!(query.filter(), [("path", ""), ("method", "")], "{header}");
            assert!(query.header_error().is_some() && query.status_error().is_some() && query.is_filtered());
        }
    }
}
