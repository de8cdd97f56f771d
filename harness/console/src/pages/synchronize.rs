//! The Synchronize button, and from when on it works.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::KeyPath;
use crate::{
    api::Key,
    view::{Button, button, countdown, csrf_field, panel, time, window_meter},
};

/// How long the window stays closed after a notification, in seconds.
const WINDOW: u64 = 3_600;

/// The panel with the button. `window` is what [`window`] says, kept up to date.
pub(super) fn synchronize(path: KeyPath, csrf: &str, request: Uuid, window: &Markup) -> Markup {
    let content = html! {
        p {
            "Has every service below told again of the key’s latest event. Do so where a service did not react: a bucket that still opens \
            four hours after its key was deleted, say."
        }
        (window)
        form.form method="post" action=(path.to("sync")) {
            (csrf_field(csrf))
            input type="hidden" name="request" value=(request);
            (button(Button::Primary, "Synchronize"))
        }
    };
    html! { div #synchronize tabindex="-1" { (panel("Synchronize", content)) } }
}

/// Whether a sync works now, and else from when on. An endpoint that tells what became of notifications has nothing to tell
/// of a window where there was none yet: it is open.
pub(super) fn window(key: &Key, tells_of_notifications: bool, now: Timestamp) -> Markup {
    let from = match key.sync_allowed_from {
        None if !tells_of_notifications => {
            return html! { p.window { "Synchronizing works once an hour." } };
        }
        Some(from) if from > now => from,
        _ => return html! { p.window.window--open { "You can synchronize now." } },
    };
    let left = seconds_between(now, from);
    html! {
        div.window.window--closed {
            p {
                "The services were told less than an hour ago. You can synchronize from " (time(from)) " on, "
                (countdown_to(from, now)) "."
            }
            (window_meter(WINDOW.saturating_sub(left), WINDOW))
        }
    }
}

pub(super) fn countdown_to(at: Timestamp, now: Timestamp) -> Markup {
    countdown(seconds_between(now, at))
}

/// Rounded up: at the end of the countdown it works.
fn seconds_between(now: Timestamp, later: Timestamp) -> u64 {
    let millis = later.as_millisecond() - now.as_millisecond();
    u64::try_from(millis).unwrap_or_default().div_ceil(1000)
}
