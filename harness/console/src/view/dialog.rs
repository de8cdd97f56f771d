//! Pages that the script shows as dialogs over the page with the link. Without it, the links open
//! the pages.

use maud::{Markup, html};

use super::{Button, panel};

/// Form of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// In the middle of the window.
    Modal,
    /// At the end of the line, as high as the window.
    SidePanel,
}

impl Dialog {
    /// Value of the attribute `data-dialog` of a link.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Modal => "modal",
            Self::SidePanel => "side-panel",
        }
    }
}

/// The part of a page that a dialog shows.
pub(crate) fn dialog_content(heading: &str, content: Markup) -> Markup {
    html! { div data-dialog-content { (panel(heading, content)) } }
}

/// A link to the page before, which closes a dialog.
pub(crate) fn cancel(href: &str) -> Markup {
    html! { a class=(Button::Secondary.class()) href=(href) data-dialog-cancel { "Cancel" } }
}

/// A link that looks like a button and opens a dialog.
pub(crate) fn dialog_button(kind: Button, href: &str, label: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) data-dialog=(Dialog::Modal.name()) { (label) } }
}
