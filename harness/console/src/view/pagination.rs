//! Paging of long lists by links.

use maud::{Markup, html};

use super::{Icon, icon};

/// Position of a page in its list.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Pagination<'a> {
    /// What is listed: `keys`.
    pub(crate) items: &'a str,
    /// The number of the first item shown, from 1; 0 for an empty page.
    pub(crate) from: u64,
    /// The number of the last item shown.
    pub(crate) to: u64,
    /// Total number, if known.
    pub(crate) total: Option<u64>,
    /// URL of the previous page.
    pub(crate) previous: Option<&'a str>,
    /// URL of the next page.
    pub(crate) next: Option<&'a str>,
    /// Page size.
    pub(crate) per_page: u32,
    /// Selectable page sizes; empty for no choice.
    pub(crate) sizes: &'a [u32],
    /// URL that the page size is sent to, as `limit`.
    pub(crate) action: &'a str,
    /// Other query parameters: the search, the filter.
    pub(crate) keep: &'a [(&'a str, &'a str)],
}

/// The bar below a table.
pub(crate) fn pagination(at: Pagination<'_>) -> Markup {
    html! {
        nav.pagination aria-label={ "Pages of " (at.items) } {
            @if !at.sizes.is_empty() {
                form.pagination__size method="get" action=(at.action) {
                    @for (name, value) in at.keep { input type="hidden" name=(name) value=(value); }
                    label for="per-page" { "Items per page" }
                    .select {
                        select #per-page name="limit" {
                            @for size in at.sizes { option value=(size) selected[*size == at.per_page] { (size) } }
                        }
                        (icon(Icon::ChevronDown))
                    }
                    button.pagination__apply type="submit" { "Apply" }
                }
            }
            p.pagination__range { (range(at)) }
            .pagination__steps {
                (step(at.previous, "prev", Icon::Previous, "Previous page"))
                (step(at.next, "next", Icon::Next, "Next page"))
            }
        }
    }
}

fn range(at: Pagination<'_>) -> String {
    let Pagination { from, to, items, .. } = at;
    match at.total {
        Some(total) if to == 0 && total > 0 => format!("0 of {total} {items}"),
        _ if to == 0 => format!("0 {items}"),
        Some(1) => format!("1 of 1 {items}"),
        Some(total) => format!("{from}–{to} of {total} {items}"),
        None if at.next.is_some() => format!("{from}–{to} of more than {to} {items}"),
        None => format!("{from}–{to} {items}"),
    }
}

fn step(href: Option<&str>, rel: &str, drawing: Icon, name: &str) -> Markup {
    html! {
        @if let Some(href) = href {
            a.icon-button href=(href) rel=(rel) aria-label=(name) title=(name) { (icon(drawing)) }
        } @else {
            span.icon-button.icon-button--off { (icon(drawing)) }
        }
    }
}
