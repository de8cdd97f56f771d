//! History of a key, newest first: a line with a coloured disc per event.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Icon, Tag, icon, name, relative, tag, time};

/// Kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Created,
    Rotated,
    Disabled,
    Enabled,
    Deleted,
    Restored,
    Synchronized,
}

/// An event of a key.
pub(crate) struct Entry<'a> {
    /// Kind.
    pub(crate) event: Event,
    /// Text, such as `Key rotated`.
    pub(crate) title: &'a str,
    /// Instant of the event.
    pub(crate) at: Timestamp,
    /// Initiator.
    pub(crate) who: Option<&'a str>,
    /// Details: [`service_statuses`], usually for the newest event only.
    pub(crate) detail: Option<Markup>,
}

/// Delivery status of one service.
pub(crate) struct ServiceStatus<'a> {
    /// The service's name.
    pub(crate) service: &'a str,
    /// Status.
    pub(crate) tag: Tag,
    /// Text of the status.
    pub(crate) text: &'a str,
}

/// The events, which must be ordered newest first.
pub(crate) fn timeline(entries: Vec<Entry<'_>>, now: Timestamp) -> Markup {
    let days: Vec<String> = entries.iter().map(|entry| entry.at.strftime("%-d %B %Y").to_string()).collect();
    html! {
        ol.timeline {
            @for (at, entry) in entries.into_iter().enumerate() {
                li class={ "timeline__entry timeline__entry--" (entry.event.colour()) } {
                    // Every entry has its day, shown if it differs from the one above. The script
                    // updates this for the local time zone.
                    p.timeline__day hidden[at > 0 && days[at] == days[at - 1]] {
                        time datetime=(entry.at.strftime("%Y-%m-%dT%H:%M:%SZ")) data-day { (days[at]) }
                    }
                    span.timeline__disc { (icon(entry.event.icon())) }
                    .timeline__text {
                        p.timeline__title { (entry.title) }
                        p.timeline__when {
                            (relative(entry.at, now)) " · " (time(entry.at))
                            @if let Some(who) = entry.who { " · by " (name(who)) }
                        }
                        @if let Some(detail) = entry.detail { .timeline__detail { (detail) } }
                    }
                }
            }
        }
    }
}

/// A line per service.
pub(crate) fn service_statuses(services: &[ServiceStatus<'_>]) -> Markup {
    html! {
        ul.service-statuses {
            @for service in services {
                li {
                    span { (name(service.service)) }
                    (tag(service.tag, service.text))
                }
            }
        }
    }
}

impl Event {
    const fn icon(self) -> Icon {
        match self {
            Self::Created => Icon::Plus,
            Self::Rotated => Icon::Rotate,
            Self::Disabled => Icon::Pause,
            Self::Enabled => Icon::Play,
            Self::Deleted => Icon::Trash,
            Self::Restored => Icon::Undo,
            Self::Synchronized => Icon::Sync,
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Created => "gray",
            Self::Rotated => "purple",
            Self::Disabled => "yellow",
            Self::Enabled => "green",
            Self::Deleted => "red",
            Self::Restored => "teal",
            Self::Synchronized => "blue",
        }
    }
}
