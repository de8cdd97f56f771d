//! Blocks of a page: panels, facts, and what stands where there is nothing or something went wrong.

use maud::{Markup, html};

use super::{Icon, icon};

/// A block with a heading.
#[must_use]
pub fn panel(heading: &str, content: Markup) -> Markup {
    html! { section.panel { h2 { (heading) } (content) } }
}

/// Names and values, side by side.
#[must_use]
pub fn definition_list(facts: Vec<(&str, Markup)>) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// A figure that is to be seen first, and what it counts.
#[must_use]
pub fn stat(label: &str, value: Markup) -> Markup {
    html! { .stat { p.stat__label { (label) } p.stat__value { (value) } } }
}

/// What stands in place of a list that has nothing in it.
#[must_use]
pub fn empty_state(title: &str, body: Markup, action: Option<Markup>) -> Markup {
    html! {
        .empty {
            (icon(Icon::Empty))
            p.empty__title { (title) }
            .empty__body { (body) }
            @if let Some(action) = action { .empty__action { (action) } }
        }
    }
}

/// The content of a page that says what went wrong; the page's title is the heading.
#[must_use]
pub fn error_page(what_happened: Markup, what_to_do: Markup) -> Markup {
    html! {
        .error-page {
            .error-page__what { (icon(Icon::Alert)) div { (what_happened) } }
            .error-page__do { h2 { "What you can do" } (what_to_do) }
        }
    }
}
