//! View associated resources: what a key protects, how far its last notification has come, and the button that
//! has the services told again.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::{
    KeyPath, frame, keys, notices, notifications,
    registrations::{self, Asked},
    synchronize::{synchronize, window},
    timeline::{self, timeline},
    words,
};
use crate::{
    Console,
    api::{ApiError, Event, InstanceApi, Key, Notification},
    failure::Failure,
    flash::Flash,
    signed_in::SignedIn,
    view::{Crumb, Page, copy_id, definition_list, live, panel, tag, time},
};

/// How often the script asks how things stand, in ms.
const EVERY: u32 = 3_000;

/// How a key stands at an instant: what changes while somebody looks.
struct Situation {
    key: Key,
    notifications: Option<Vec<Notification>>,
    events: Vec<Event>,
    number_of_events: usize,
    now: Timestamp,
}

/// `GET /console/instances/{instance}/keys/{key}/resources`
pub(crate) async fn show(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<KeyPath>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Failure> {
    let (instance, api) = console.instance(&session, path.instance).await?;
    let (situation, registrations) =
        tokio::try_join!(Situation::ask(&api, path.key, &console), api.registrations(path.key))?;
    let flash = session.take_flash(path.key);
    let request = match &flash {
        Some(Flash::Problem { again: Some(request), .. }) => *request,
        _ => Uuid::new_v4(),
    };
    let (key, now) = (&situation.key, situation.now);
    let url = path.to("live");
    let content = html! {
        .columns {
            .stack {
                @if !key.extractable {
                    (synchronize(path, session.csrf().as_str(), request, &live("window", &url, EVERY, situation.window())))
                }
                div {
                    (live("notifications", &url, EVERY, situation.notifications()))
                    (notifications::legend())
                }
            }
            (panel("What happened", live("events", &url, EVERY, situation.timeline())))
        }
        (facts(key))
        (registrations::table(path, &asked, &registrations, key, now))
    };
    let keys = keys::path(instance.id);
    Ok(Page {
        crumbs: &[frame::RESOURCES, Crumb { label: &instance.name, href: &keys }],
        lead: Some(html! { (key.title()) " " (tag(words::state_tag(key.state), &key.state.name())) }),
        notice: flash.as_ref().map(|flash| notices::of(flash, key, now)),
        content,
        ..frame::page(&session, "View associated resources")
    }
    .render())
}

/// `GET /console/instances/{instance}/keys/{key}/live`: the parts that change, for the script.
pub(crate) async fn live_parts(
    State(console): State<Console>,
    SignedIn(session): SignedIn,
    Path(path): Path<KeyPath>,
) -> Result<Markup, Failure> {
    let (_, api) = console.instance(&session, path.instance).await?;
    let situation = Situation::ask(&api, path.key, &console).await?;
    let url = path.to("live");
    Ok(html! {
        (live("window", &url, EVERY, situation.window()))
        (live("notifications", &url, EVERY, situation.notifications()))
        (live("events", &url, EVERY, situation.timeline()))
    })
}

impl Situation {
    async fn ask(api: &InstanceApi, key: Uuid, console: &Console) -> Result<Self, ApiError> {
        let (key, notifications, events) =
            tokio::try_join!(api.key(key), api.notifications(key), api.events(key, timeline::MOST))?;
        let (events, number_of_events) = events.unwrap_or_else(|| {
            let events = timeline::events_of(&key);
            let number = events.len();
            (events, number)
        });
        Ok(Self { key, notifications, events, number_of_events, now: console.now() })
    }

    fn window(&self) -> Markup {
        window(&self.key, self.notifications.is_some(), self.now)
    }

    fn notifications(&self) -> Markup {
        notifications::of(self.notifications.as_deref(), self.now)
    }

    fn timeline(&self) -> Markup {
        timeline(&self.events, self.number_of_events, self.notifications.as_deref(), self.now)
    }
}

fn facts(key: &Key) -> Markup {
    let mut facts = vec![("Key ID", copy_id(&key.id.to_string(), "key ID"))];
    if !key.description.is_empty() {
        facts.push(("Description", html! { (key.description) }));
    }
    if !key.aliases.is_empty() {
        facts.push(("Aliases", html! { (key.aliases.join(", ")) }));
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
    facts.extend(dates.into_iter().filter_map(|(name, at)| Some((name, time(at?)))));
    definition_list(facts)
}
