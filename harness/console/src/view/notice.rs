//! Inline notifications: what happened, in a box that says how much it matters.

use maud::{Markup, html};

use super::{Icon, icon};

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It worked.
    Success,
    /// Worth knowing.
    Info,
    /// Take care.
    Warning,
    /// It did not work.
    Error,
}

/// A notice; `action` is a link or a button at its end.
pub struct Notice<'a> {
    /// How much it matters.
    pub kind: NoticeKind,
    /// What happened, in a few words.
    pub title: &'a str,
    /// What it means and what to do.
    pub body: Markup,
    /// What to click.
    pub action: Option<Markup>,
}

/// An inline notification. Success and info are read out politely, warnings and errors at once.
#[must_use]
pub fn notice(what: Notice<'_>) -> Markup {
    let (class, word, drawing, role) = match what.kind {
        NoticeKind::Success => ("success", "Success", Icon::CheckFilled, "status"),
        NoticeKind::Info => ("info", "Information", Icon::InfoFilled, "status"),
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
            @if let Some(action) = what.action { .notice__action { (action) } }
        }
    }
}
