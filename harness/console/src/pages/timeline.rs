//! History of a key.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words;
use crate::{
    api::{Event, Key, Notification},
    view::{Entry, ServiceStatus, service_statuses, timeline as view_timeline},
};

/// Maximum number of events shown.
pub(super) const MAX_EVENTS: usize = 20;

/// The events, newest first. The newest one shows the delivery status.
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
        newest.detail = Some(statuses(notifications));
    }
    html! {
        (view_timeline(entries, now))
        @if total > events.len() { p { (total - events.len()) " earlier events are not shown." } }
    }
}

/// Events from the key's dates, for an endpoint without a list of events.
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

fn statuses(notifications: &[Notification]) -> Markup {
    let services: Vec<_> = notifications
        .iter()
        .map(|notification| {
            let (tag, text) = words::status(notification.status);
            ServiceStatus { service: &notification.service, tag, text }
        })
        .collect();
    service_statuses(&services)
}
