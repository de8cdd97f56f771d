//! Inline notices: the result of an action, with its severity.

use maud::{Markup, html};

use super::{Icon, icon};

/// Severity of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// The action succeeded.
    Success,
    /// The action needs attention.
    Warning,
    /// The action failed.
    Error,
}

/// An inline notice.
pub(crate) struct Notice<'a> {
    /// Severity.
    pub(crate) kind: NoticeKind,
    /// Summary.
    pub(crate) title: &'a str,
    /// Explanation and remedy.
    pub(crate) body: Markup,
}

/// Renders a notice. Screen readers announce success politely, warnings and errors at once.
pub(crate) fn notice(notice: Notice<'_>) -> Markup {
    let (class, word, drawing, role) = match notice.kind {
        NoticeKind::Success => ("success", "Success", Icon::CheckFilled, "status"),
        NoticeKind::Warning => ("warning", "Warning", Icon::WarningFilled, "alert"),
        NoticeKind::Error => ("error", "Error", Icon::ErrorFilled, "alert"),
    };
    html! {
        div class={ "notice notice--" (class) } role=(role) {
            (icon(drawing))
            .notice__text {
                p.notice__title { span.visually-hidden { (word) ": " } (notice.title) }
                .notice__body { (notice.body) }
            }
        }
    }
}
