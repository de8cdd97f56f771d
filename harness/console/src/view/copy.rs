//! Identifiers with a copy button.

use maud::{Markup, html};

use super::{Icon, icon};

/// `text` in full, cut short only by the stylesheet, with a button that copies it where the script
/// runs; `what` names it: `key ID`.
pub(crate) fn copy_id(text: &str, what: &str) -> Markup {
    html! {
        span.copy-id {
            code.copy-id__text title=(text) { (text) }
            button.icon-button.icon-button--small type="button" hidden
                data-copy=(text) data-what=(what) aria-label={ "Copy " (what) } title={ "Copy " (what) } {
                (icon(Icon::Copy))
            }
        }
    }
}
