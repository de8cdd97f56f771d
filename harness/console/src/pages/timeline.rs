//! What happened to a key, as a picture.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words;
use crate::{
    api::{Event, Key, Notification},
    view::{Entry, Standing, standings, timeline as picture},
};

/// How many events are shown.
pub(super) const MOST: usize = 20;

/// The events, newest first. The newest notification shows how far it has come.
pub(super) fn timeline(
    events: &[Event],
    total: usize,
    notifications: Option<&[Notification]>,
    now: Timestamp,
) -> Markup {
    let mut entries: Vec<Entry<'_>> = events.iter().filter_map(entry).collect();
    if let (Some(newest), Some(notifications)) = (entries.first_mut(), notifications)
        && newest.event != crate::view::Event::Created
        && !notifications.is_empty()
    {
        newest.detail = Some(reached(notifications));
    }
    html! {
        (picture(entries, now))
        @if total > events.len() { p { "And " (total - events.len()) " before." } }
    }
}

/// What an endpoint that has no list of events tells by a key's dates.
pub(super) fn events_of(key: &Key) -> Vec<Event> {
    let dates =
        [("create", key.creation_date), ("rotate", key.last_rotate_date), ("delete", key.deletion_date)];
    let event = |(name, at): (&str, Option<Timestamp>)| {
        Some(Event { kind: name.to_owned(), occurred_at: at?, initiator: None })
    };
    let mut events: Vec<Event> = dates.into_iter().filter_map(event).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.occurred_at));
    events
}

fn entry(event: &Event) -> Option<Entry<'_>> {
    let (kind, title) = words::event(event)?;
    let who = event.initiator.as_deref();
    Some(Entry { event: kind, title, at: event.occurred_at, who, detail: None })
}

fn reached(notifications: &[Notification]) -> Markup {
    let services: Vec<_> = notifications
        .iter()
        .map(|notification| {
            let (tag, text) = words::standing(notification.standing);
            Standing { service: &notification.service, tag, text }
        })
        .collect();
    standings(&services)
}
