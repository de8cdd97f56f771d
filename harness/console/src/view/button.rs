//! Buttons, links that look like them, and the small form around a button that changes something.

use maud::{Markup, html};

use super::{Icon, csrf_field, icon};

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
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
#[must_use]
pub fn button(kind: Button, label: &str) -> Markup {
    html! { button class=(kind.class()) type="submit" { (label) } }
}

/// A link that looks like a button.
#[must_use]
pub fn link_button(kind: Button, href: &str, label: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) { (label) } }
}

/// A link that shows only a drawing; `name` is what it is called and its tooltip.
#[must_use]
pub fn icon_link(drawing: Icon, href: &str, name: &str) -> Markup {
    html! { a.icon-button href=(href) aria-label=(name) title=(name) { (icon(drawing)) } }
}

/// A form that is one button: posts `hidden` and the CSRF token to `action`.
#[must_use]
pub fn post_button(action: &str, csrf: &str, hidden: &[(&str, &str)], kind: Button, label: &str) -> Markup {
    html! {
        form.post-button method="post" action=(action) {
            (csrf_field(csrf))
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            (button(kind, label))
        }
    }
}
