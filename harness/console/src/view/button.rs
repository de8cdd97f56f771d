//! Buttons, and links that look like them.

use maud::{Markup, html};

/// Style of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    /// The main action of a page.
    Primary,
    /// An alternative action.
    Secondary,
    /// One of several actions.
    Tertiary,
    /// An action that takes access away.
    Danger,
    /// Unobtrusive, for toolbars and tables.
    Ghost,
}

impl Button {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Secondary => "button button--secondary",
            Self::Tertiary => "button button--tertiary",
            Self::Danger => "button button--danger",
            Self::Ghost => "button button--ghost",
        }
    }
}

/// A button that submits its form.
pub(crate) fn button(kind: Button, label: &str) -> Markup {
    html! { button class=(kind.class()) type="submit" { (label) } }
}

/// A button that submits its form, with the element that explains it.
pub(crate) fn button_described_by(kind: Button, label: &str, id: &str) -> Markup {
    html! { button class=(kind.class()) type="submit" aria-describedby=(id) { (label) } }
}

/// A button that cannot be used, with the element that says why.
pub(crate) fn disabled_button(label: &str, reason_id: &str) -> Markup {
    html! { button.button.button--disabled type="button" disabled aria-describedby=(reason_id) { (label) } }
}

/// A link that looks like a button.
pub(crate) fn link_button(kind: Button, href: &str, label: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) { (label) } }
}
