//! Paging of lists: the requested page, and links to the previous and the next one.

use maud::{Markup, html};
use serde::Deserialize;

use crate::view::{Button, Pagination, empty_state, link_button, pagination};

/// Selectable page sizes.
const SIZES: [u32; 3] = [10, 25, 50];

/// The requested page. Invalid values mean the first page, of ten items.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Paging {
    page: String,
    limit: String,
    /// The page size of a list that has no choice.
    #[serde(skip)]
    fixed: Option<u32>,
}

/// Content of a page.
pub(super) struct Shown<'a> {
    /// What is listed: `keys`.
    pub(super) items: &'a str,
    pub(super) number: usize,
    pub(super) more: bool,
    pub(super) total: Option<usize>,
}

impl Paging {
    /// Replaces the choice of a page size.
    pub(super) fn with_fixed_limit(self, limit: u32) -> Self {
        Self { fixed: Some(limit), ..self }
    }

    pub(super) fn limit(&self) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed as usize;
        }
        let requested: u32 = self.limit.parse().unwrap_or_default();
        if SIZES.contains(&requested) { requested as usize } else { SIZES[0] as usize }
    }

    pub(super) fn offset(&self) -> usize {
        (self.page() - 1).saturating_mul(self.limit())
    }

    pub(super) fn page(&self) -> usize {
        self.page.parse::<usize>().unwrap_or_default().clamp(1, 1_000_000)
    }

    /// Replacement for a page after the last one.
    pub(super) fn after_the_end(&self, path: &str, items: &str) -> Option<Markup> {
        let first = || link_button(Button::Tertiary, path, &format!("Show the first {items}"));
        let body = html! { p { "The list ends before this page. It may have become shorter." } };
        (self.page() > 1).then(|| empty_state(&format!("No {items} on this page"), body, Some(first())))
    }

    /// The bar below the list. Its links and form keep the other query parameters.
    pub(super) fn bar(&self, path: &str, keep: &[(&str, &str)], shown: &Shown<'_>) -> Markup {
        let url = |page: usize| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(keep).append_pair("limit", &self.limit().to_string());
            format!("{path}?{}", query.append_pair("page", &page.to_string()).finish())
        };
        let previous = (self.page() > 1).then(|| url(self.page() - 1));
        let next = shown.more.then(|| url(self.page() + 1));
        let (from, to) = match shown.number {
            0 => (0, 0),
            number => (self.offset() + 1, self.offset() + number),
        };
        pagination(Pagination {
            items: shown.items,
            from: from as u64,
            to: to as u64,
            total: shown.total.map(|total| total as u64),
            previous: previous.as_deref(),
            next: next.as_deref(),
            per_page: u32::try_from(self.limit()).unwrap_or(SIZES[0]),
            sizes: if self.fixed.is_some() { &[] } else { &SIZES },
            action: path,
            keep,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_mean_first_page() {
        let paging =
            |page: &str, limit: &str| Paging { page: page.to_owned(), limit: limit.to_owned(), fixed: None };
        for (page, limit, expected) in [
            ("", "", (0, 10)),
            ("3", "25", (50, 25)),
            ("0", "0", (0, 10)),
            ("-1", "11", (0, 10)),
            ("x", "50", (0, 50)),
        ] {
            let paging = paging(page, limit);
            assert_eq!((paging.offset(), paging.limit()), expected, "{page} {limit}");
        }
        assert!(paging("99999999999999999999", "10").offset() < 10);
        assert_eq!(paging("9999999", "10").page(), 1_000_000);
    }
}
