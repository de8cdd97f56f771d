//! What happened to a key, newest first: a rail with a coloured disc for each event.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Icon, Tag, icon, relative, tag, time};

/// What happened.
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

/// A moment in a key's life.
pub(crate) struct Entry<'a> {
    /// What happened.
    pub(crate) event: Event,
    /// The same in words: `Key rotated`.
    pub(crate) title: &'a str,
    /// When.
    pub(crate) at: Timestamp,
    /// Who did it.
    pub(crate) who: Option<&'a str>,
    /// More about it: [`standings`], usually for the newest only.
    pub(crate) detail: Option<Markup>,
}

/// How far a notification has come with one service.
pub(crate) struct Standing<'a> {
    /// The service's name.
    pub(crate) service: &'a str,
    /// How far.
    pub(crate) tag: Tag,
    /// The same in words.
    pub(crate) text: &'a str,
}

/// The events, which must be ordered newest first.
pub(crate) fn timeline(entries: Vec<Entry<'_>>, now: Timestamp) -> Markup {
    let days: Vec<String> = entries.iter().map(|entry| entry.at.strftime("%-d %B %Y").to_string()).collect();
    html! {
        ol.timeline {
            @for (at, entry) in entries.into_iter().enumerate() {
                li class={ "timeline__entry timeline__entry--" (entry.event.colour()) } {
                    // Every entry has its day, shown where it differs from the one above: the script shows
                    // others if days begin elsewhere in the reader's zone.
                    p.timeline__day hidden[at > 0 && days[at] == days[at - 1]] {
                        time datetime=(entry.at.strftime("%Y-%m-%dT%H:%M:%SZ")) data-day { (days[at]) }
                    }
                    span.timeline__disc { (icon(entry.event.icon())) }
                    .timeline__text {
                        p.timeline__title { (entry.title) }
                        p.timeline__when {
                            (relative(entry.at, now)) " · " (time(entry.at))
                            @if let Some(who) = entry.who { " · by " (who) }
                        }
                        @if let Some(detail) = entry.detail { .timeline__detail { (detail) } }
                    }
                }
            }
        }
    }
}

/// A line for each service.
pub(crate) fn standings(services: &[Standing<'_>]) -> Markup {
    html! {
        ul.standings {
            @for service in services {
                li {
                    span { (service.service) }
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
