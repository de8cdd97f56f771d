//! Buttons, and links that look like them.

use maud::{Markup, html};

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    /// The one thing to do on a page.
    Primary,
    /// The other thing.
    Secondary,
    /// One among several.
    Tertiary,
    /// Cannot be taken back.
    Danger,
    /// Barely there: in toolbars and tables.
    Ghost,
}

impl Button {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Secondary => "button button--secondary",
            Self::Tertiary => "button button--tertiary",
            Self::Danger => "button button--danger",
            Self::Ghost => "button button--ghost",
        }
    }
}

/// A button that submits the form it stands in.
pub(crate) fn button(kind: Button, label: &str) -> Markup {
    html! { button class=(kind.class()) type="submit" { (label) } }
}

/// A link that looks like a button.
pub(crate) fn link_button(kind: Button, href: &str, label: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) { (label) } }
}
