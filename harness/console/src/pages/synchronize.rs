//! The Synchronize button, and when it is allowed.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use super::KeyPath;
use crate::{
    api::{Key, LastNotification},
    view::{Button, button_described_by, countdown, csrf_field, disabled_button, panel, time, window_meter},
};

/// Seconds for which the window stays closed after a notification.
const WINDOW: u64 = 3_600;

/// The form of the button.
pub(super) struct Synchronize<'a> {
    pub(super) csrf: &'a str,
    /// Correlation id of the sync.
    pub(super) request: Uuid,
    /// Whether the last attempt showed that the user may not synchronize the key.
    pub(super) denied: bool,
}

/// The panel with the button. `window` is the live section of [`window`]: while it says that a sync
/// cannot work, the button is secondary. It still sends the sync, as the service decides.
pub(super) fn synchronize(path: KeyPath, form: &Synchronize<'_>, window: &Markup) -> Markup {
    let content = html! {
        p {
            "Notifies every service below again of the key’s latest event. Use it if a service did not act: for example, if a bucket \
            is still accessible four hours after its key was deleted."
        }
        (window)
        form.form method="post" action=(path.to("sync")) {
            (csrf_field(form.csrf))
            input type="hidden" name="request" value=(form.request);
            @if form.denied {
                p #denied { "You may not synchronize this key: that takes the role Writer in this instance." }
                (disabled_button("Synchronize", "denied"))
            } @else {
                (button_described_by(Button::Primary, "Synchronize", "window"))
            }
        }
    };
    html! { div #synchronize tabindex="-1" { (panel("Synchronize", content)) } }
}

/// Whether a sync is allowed now, else from when. If the endpoint reports notifications but no
/// window, the key was never notified, and the window is open.
pub(super) fn window(key: &Key, last: &LastNotification, now: Timestamp) -> Markup {
    let from = match key.sync_allowed_from {
        None if matches!(last, LastNotification::NotReported) => {
            return html! { p.window { "A key can be synchronized once an hour." } };
        }
        Some(from) if from > now => from,
        _ if last.services().is_some_and(<[_]>::is_empty) => {
            let text = "No service is associated with this key: a sync is accepted, and notifies no service.";
            return html! { p.window.window--idle { (text) } };
        }
        _ => return html! { p.window.window--open { "You can synchronize now." } },
    };
    let left = seconds_between(now, from);
    html! {
        div.window.window--closed {
            p {
                "The services were notified less than an hour ago. You can synchronize from " (time(from)) " on, "
                (countdown_to(from, now)) "."
            }
            (window_meter(WINDOW.saturating_sub(left), WINDOW))
        }
    }
}

pub(super) fn countdown_to(at: Timestamp, now: Timestamp) -> Markup {
    countdown(seconds_between(now, at))
}

/// Rounded up, so that a sync is allowed at the end of the countdown.
fn seconds_between(now: Timestamp, later: Timestamp) -> u64 {
    let millis = later.as_millisecond() - now.as_millisecond();
    u64::try_from(millis).unwrap_or_default().div_ceil(1000)
}
