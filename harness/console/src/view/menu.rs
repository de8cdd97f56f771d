//! The ⋮ menu of a row: a button that discloses a list of links.

use maud::{Markup, html};

use super::{Dialog, Icon, icon};

/// A link in a menu.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MenuItem<'a> {
    /// Label.
    pub(crate) label: &'a str,
    /// Target.
    pub(crate) href: &'a str,
    /// Whether the action takes access away.
    pub(crate) danger: bool,
    /// Whether the target is shown as a dialog.
    pub(crate) dialog: Option<Dialog>,
}

/// A ⋮ button named `label` (`Actions for payroll`) and its menu. `id` must be unique.
pub(crate) fn overflow_menu(id: &str, label: &str, items: &[MenuItem<'_>]) -> Markup {
    html! {
        .overflow-menu {
            button.icon-button type="button" popovertarget=(id) aria-label=(label) title="Actions" {
                (icon(Icon::Overflow))
            }
            ul id=(id) popover aria-label=(label) data-menu {
                @for item in items {
                    li {
                        a href=(item.href) class=[item.danger.then_some("danger")]
                            data-dialog=[item.dialog.map(Dialog::name)] { (item.label) }
                    }
                }
            }
        }
    }
}
