//! Blocks of a page: panels, facts, empty states and errors.

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

/// Replacement for an empty list.
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

/// Content of an error page; the page's title is the heading.
pub(crate) fn error_page(problem: Markup, remedy: Markup) -> Markup {
    html! {
        .error-page {
            .error-page__what { (icon(Icon::Alert)) div { (problem) } }
            .error-page__do { h2 { "What you can do" } (remedy) }
        }
    }
}
