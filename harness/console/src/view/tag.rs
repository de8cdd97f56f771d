//! Tags: a word in a pill, with a matching colour and icon.

use maud::{Markup, html};

use super::{Icon, icon};

/// Meaning of a tag: the state of a key, the status of a delivery, an older key version, or none of
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    PreActive,
    Active,
    Suspended,
    Deactivated,
    Destroyed,
    Delivered,
    Acknowledged,
    Retrying,
    Pending,
    Refused,
    Failed,
    Overdue,
    Conflicting,
    NotNotified,
    Outdated,
    /// Any other word; without an icon.
    Plain,
}

/// A tag that reads `text`.
pub(crate) fn tag(kind: Tag, text: &str) -> Markup {
    let (colour, drawing) = kind.look();
    html! {
        span class={ "tag tag--" (colour) } {
            @if let Some(drawing) = drawing { (icon(drawing)) }
            span { (text) }
        }
    }
}

impl Tag {
    const fn look(self) -> (&'static str, Option<Icon>) {
        match self {
            Self::PreActive => ("cyan", Some(Icon::Circle)),
            Self::Active => ("green", Some(Icon::Check)),
            Self::Suspended => ("yellow", Some(Icon::Pause)),
            Self::Deactivated | Self::NotNotified => ("gray", Some(Icon::Minus)),
            Self::Destroyed => ("red", Some(Icon::Cross)),
            Self::Delivered => ("blue", Some(Icon::Check)),
            Self::Acknowledged => ("green", Some(Icon::CheckTwice)),
            Self::Retrying => ("yellow", Some(Icon::Rotate)),
            Self::Pending => ("cyan", Some(Icon::Clock)),
            Self::Refused => ("purple", Some(Icon::Slash)),
            Self::Failed | Self::Conflicting => ("red", Some(Icon::Alert)),
            Self::Overdue => ("red", Some(Icon::Clock)),
            Self::Outdated => ("yellow", Some(Icon::Clock)),
            Self::Plain => ("gray", None),
        }
    }
}
