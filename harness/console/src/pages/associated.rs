//! View associated resources: the resources of a key, the delivery status of its last notification,
//! and the Synchronize button.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{
    KeyPath, frame, keys, notices, notifications, registrations,
    registrations_query::ListQuery,
    synchronize::{Synchronize, synchronize, window},
    timeline::{self, timeline},
    words,
};
use crate::{
    Console,
    api::{ApiError, Event, InstanceApi, Key, LastNotification},
    failure::Failure,
    flash::Flash,
    signed_in::SignedIn,
    view::{Crumb, Page, copy_id, definition_list, live, name, panel, tag, time},
};

/// Name of the page, below that of the key.
const SECTION: &str = "View associated resources";

/// Interval of live updates, in ms.
const UPDATE_INTERVAL: u32 = 3_000;

/// The parts of the page that change while it is open.
struct Snapshot {
    key: Key,
    notification: LastNotification,
    events: Vec<Event>,
    event_count: usize,
    now: Timestamp,
}

/// `GET /console/instances/{instance}/keys/{key}/resources`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<KeyPath>,
    Query(query): Query<ListQuery>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, path.instance).await?;
    let (snapshot, registrations) =
        tokio::try_join!(Snapshot::fetch(&api, path.key, &console), api.registrations(path.key))?;
    let flash = session.take_flash(path.key);
    let request = match &flash {
        Some(Flash::Problem { again: Some(request), .. }) => *request,
        _ => Uuid::new_v4(),
    };
    let denied = matches!(flash, Some(Flash::Problem { denied: true, .. }));
    let form = Synchronize { csrf: session.csrf().as_str(), request, denied };
    let (key, now, url) = (&snapshot.key, snapshot.now, path.to("live"));
    let content = html! {
        .columns {
            .stack {
                @if !key.extractable {
                    (synchronize(path, &form, &live("window", &url, UPDATE_INTERVAL, snapshot.window())))
                }
                div {
                    (live("notifications", &url, UPDATE_INTERVAL, snapshot.notifications()))
                    (notifications::legend())
                }
            }
            (panel("History", live("events", &url, UPDATE_INTERVAL, snapshot.timeline())))
        }
        (facts(key))
        (registrations::table(path, &query, &registrations, &snapshot.notification, key, now))
    };
    let (keys, title) = (keys::path(instance.id), key.title());
    let summary = live("summary", &url, UPDATE_INTERVAL, snapshot.summary());
    Ok(Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys }],
        section: Some(SECTION),
        lead: Some(html! { (tag(words::state_tag(key.state), &key.state.name())) " " (SECTION) }),
        notice: flash.as_ref().map(|flash| notices::notice(flash, key, &summary, now)),
        content,
        ..frame::page(&session, &title)
    }
    .render())
}

/// `GET /console/instances/{instance}/keys/{key}/live`: the live sections, for the script.
pub(crate) async fn live_parts(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<KeyPath>,
) -> Result<Markup, Failure> {
    let (_, api) = console.instance(&session, path.instance).await?;
    let snapshot = Snapshot::fetch(&api, path.key, &console).await?;
    let url = path.to("live");
    Ok(html! {
        (live("summary", &url, UPDATE_INTERVAL, snapshot.summary()))
        (live("window", &url, UPDATE_INTERVAL, snapshot.window()))
        (live("notifications", &url, UPDATE_INTERVAL, snapshot.notifications()))
        (live("events", &url, UPDATE_INTERVAL, snapshot.timeline()))
    })
}

impl Snapshot {
    async fn fetch(api: &InstanceApi, key: Uuid, console: &Console) -> Result<Self, ApiError> {
        let (key, notification, events) = tokio::try_join!(
            api.key(key),
            api.last_notification(key),
            api.events(key, timeline::MAX_EVENTS)
        )?;
        let (events, event_count) = events.unwrap_or_else(|| {
            let events = timeline::events_of(&key);
            let number = events.len();
            (events, number)
        });
        Ok(Self { key, notification, events, event_count, now: console.now() })
    }

    fn window(&self) -> Markup {
        window(&self.key, &self.notification, self.now)
    }

    fn summary(&self) -> Markup {
        html! { @if let Some(text) = notifications::summary(&self.notification) { p { strong { (text) } "." } } }
    }

    fn notifications(&self) -> Markup {
        notifications::table(&self.notification, self.now)
    }

    fn timeline(&self) -> Markup {
        timeline(&self.events, self.event_count, self.notification.services(), self.now)
    }
}

fn facts(key: &Key) -> Markup {
    let mut facts = vec![("Key ID", copy_id(&key.id.to_string(), "key ID"))];
    if !key.description.is_empty() {
        facts.push(("Description", name(&key.description)));
    }
    if !key.aliases.is_empty() {
        facts.push(("Aliases", name(&key.aliases.join(", "))));
    }
    facts.push(("Key ring", html! { (key.ring) }));
    if let Some(version) = &key.version {
        facts.push(("Key version", copy_id(&version.id, "key version")));
    }
    let dates = [
        ("Created", key.creation_date),
        ("Last rotated", key.last_rotate_date),
        ("Deleted", key.deletion_date),
        ("Can be restored until", key.restore_expiration_date),
    ];
    facts.extend(dates.into_iter().filter_map(|(label, at)| Some((label, time(at?)))));
    definition_list(facts)
}
