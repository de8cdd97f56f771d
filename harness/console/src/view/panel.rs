//! Blocks of a page: panels, facts, and what stands where there is nothing or something went wrong.

use maud::{Markup, html};

use super::{Icon, icon};

/// A block with a heading.
pub(crate) fn panel(heading: &str, content: Markup) -> Markup {
    html! { section.panel { h2 { (heading) } (content) } }
}

/// Names and values, side by side.
pub(crate) fn definition_list(facts: Vec<(&str, Markup)>) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// What stands in place of a list that has nothing in it.
pub(crate) fn empty_state(title: &str, body: Markup, action: Option<Markup>) -> Markup {
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
pub(crate) fn error_page(what_happened: Markup, what_to_do: Markup) -> Markup {
    html! {
        .error-page {
            .error-page__what { (icon(Icon::Alert)) div { (what_happened) } }
            .error-page__do { h2 { "What you can do" } (what_to_do) }
        }
    }
}
