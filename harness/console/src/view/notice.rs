//! Inline notifications: what happened, in a box that says how much it matters.

use maud::{Markup, html};

use super::{Icon, icon};

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// It worked.
    Success,
    /// Take care.
    Warning,
    /// It did not work.
    Error,
}

/// A notice.
pub(crate) struct Notice<'a> {
    /// How much it matters.
    pub(crate) kind: NoticeKind,
    /// What happened, in a few words.
    pub(crate) title: &'a str,
    /// What it means and what to do.
    pub(crate) body: Markup,
}

/// An inline notification. Success is read out politely, warnings and errors at once.
pub(crate) fn notice(what: Notice<'_>) -> Markup {
    let (class, word, drawing, role) = match what.kind {
        NoticeKind::Success => ("success", "Success", Icon::CheckFilled, "status"),
        NoticeKind::Warning => ("warning", "Warning", Icon::WarningFilled, "alert"),
        NoticeKind::Error => ("error", "Error", Icon::ErrorFilled, "alert"),
    };
    html! {
        div class={ "notice notice--" (class) } role=(role) {
            (icon(drawing))
            .notice__text {
                p.notice__title { span.visually-hidden { (word) ": " } (what.title) }
                .notice__body { (what.body) }
            }
        }
    }
}
