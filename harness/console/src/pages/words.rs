//! Names of states, statuses and actions, and the effects of actions.

use std::collections::BTreeMap;

use crate::{
    api::{Action, Event, KeyState, Notification, NotificationStatus},
    view::{self, Tag},
};

/// Texts of a lifecycle action.
pub(super) struct Wording {
    /// Label in menus.
    pub(super) name: &'static str,
    /// Title of its page.
    pub(super) title: &'static str,
    /// Effect.
    pub(super) effect: &'static str,
    /// Notice after success.
    pub(super) done: &'static str,
    /// Notice after failure.
    pub(super) not_done: &'static str,
    /// Whether it takes access away.
    pub(super) danger: bool,
}

pub(super) const fn action(action: Action) -> Wording {
    match action {
        Action::Rotate => Wording {
            name: "Rotate",
            title: "Rotate key",
            effect: "The key gets a new version. Data under older versions stays readable; services are asked to protect it \
                     with the new one. A key can be rotated once an hour.",
            done: "The key is rotated",
            not_done: "The key was not rotated",
            danger: false,
        },
        Action::Disable => Wording {
            name: "Disable",
            title: "Disable key",
            effect: "Until the key is enabled again, services cannot use it: the data that it protects can be neither read nor written.",
            done: "The key is disabled",
            not_done: "The key was not disabled",
            danger: true,
        },
        Action::Enable => Wording {
            name: "Enable",
            title: "Enable key",
            effect: "Services can use the key again: the data that it protects can be read and written.",
            done: "The key is enabled",
            not_done: "The key was not enabled",
            danger: false,
        },
        Action::Delete => Wording {
            name: "Delete",
            title: "Delete key",
            effect: "The data that the key protects can no longer be read. The key can be restored for 30 days; after that, the \
                     data is lost permanently.",
            done: "The key is deleted",
            not_done: "The key was not deleted",
            danger: true,
        },
        Action::Restore => Wording {
            name: "Restore",
            title: "Restore key",
            effect: "The deleted key is active again, and the data that it protects can be read.",
            done: "The key is restored",
            not_done: "The key was not restored",
            danger: false,
        },
    }
}

pub(super) const fn state_tag(state: KeyState) -> Tag {
    match state {
        KeyState::PreActive => Tag::PreActive,
        KeyState::Active => Tag::Active,
        KeyState::Suspended => Tag::Suspended,
        KeyState::Deactivated => Tag::Deactivated,
        KeyState::Destroyed => Tag::Destroyed,
        KeyState::Other(_) => Tag::Plain,
    }
}

pub(super) const fn status(status: NotificationStatus) -> (Tag, &'static str) {
    match status {
        NotificationStatus::NotNotified => (Tag::NotNotified, "Not notified"),
        NotificationStatus::Pending => (Tag::Pending, "Pending"),
        NotificationStatus::Retrying => (Tag::Retrying, "Retrying"),
        NotificationStatus::Delivered => (Tag::Delivered, "Delivered"),
        NotificationStatus::Acknowledged => (Tag::Acknowledged, "Acknowledged"),
        NotificationStatus::Overdue => (Tag::Overdue, "Overdue"),
        NotificationStatus::Conflicting => (Tag::Conflicting, "Conflicting"),
        NotificationStatus::Refused => (Tag::Refused, "Refused"),
        NotificationStatus::Failed => (Tag::Failed, "Failed"),
        NotificationStatus::Unknown => (Tag::Plain, "Unknown"),
    }
}

/// The value of a status in a query parameter.
pub(super) const fn status_name(of: NotificationStatus) -> &'static str {
    match of {
        NotificationStatus::NotNotified => "not-notified",
        NotificationStatus::Pending => "pending",
        NotificationStatus::Retrying => "retrying",
        NotificationStatus::Delivered => "delivered",
        NotificationStatus::Acknowledged => "acknowledged",
        NotificationStatus::Overdue => "overdue",
        NotificationStatus::Conflicting => "conflicting",
        NotificationStatus::Refused => "refused",
        NotificationStatus::Failed => "failed",
        NotificationStatus::Unknown => "unknown",
    }
}

/// The choices of a selection by status: those of `services`, and all.
pub(super) fn status_options<'a>(
    services: impl Iterator<Item = &'a Notification>,
) -> Vec<(&'static str, &'static str)> {
    let present = counted(services).into_keys().map(|of| (status_name(of), status(of).1));
    std::iter::once(("", "All statuses")).chain(present).collect()
}

/// Summary of the statuses of a notification: `12 of 30 delivered, 18 retrying`.
pub(super) fn summary(services: &[Notification]) -> String {
    use NotificationStatus::{Acknowledged, Delivered};
    let counted = counted(services.iter());
    let number = |of| counted.iter().find(|(status, _)| **status == of).map_or(0, |(_, number)| *number);
    let delivered = format!("{} of {} delivered", number(Delivered) + number(Acknowledged), services.len());
    let acknowledged = match number(Acknowledged) {
        0 => String::new(),
        number => format!(" ({number} acknowledged)"),
    };
    let others = counted.iter().filter(|(status, _)| ![Delivered, Acknowledged].contains(*status));
    let others =
        others.map(|(status, number)| format!(", {number} {}", status_name(*status).replace('-', " ")));
    delivered + &acknowledged + &others.collect::<String>()
}

/// Summary of services that did not act: `2 overdue, 1 failed`.
pub(super) fn not_acted<'a>(services: impl Iterator<Item = &'a Notification>) -> String {
    let parts =
        counted(services).into_iter().map(|(status, number)| format!("{number} {}", status_name(status)));
    parts.collect::<Vec<_>>().join(", ")
}

/// The number of services with each status that occurs.
fn counted<'a>(services: impl Iterator<Item = &'a Notification>) -> BTreeMap<NotificationStatus, usize> {
    let mut counted = BTreeMap::new();
    for service in services {
        *counted.entry(service.status).or_default() += 1;
    }
    counted
}

/// The icon and text of an event; `None` for an unknown kind.
pub(super) fn event(event: &Event) -> Option<(view::Event, &'static str)> {
    Some(match event.kind.as_str() {
        "create" => (view::Event::Created, "Key created"),
        "rotate" => (view::Event::Rotated, "Key rotated"),
        "disable" => (view::Event::Disabled, "Key disabled"),
        "enable" => (view::Event::Enabled, "Key enabled"),
        "delete" => (view::Event::Deleted, "Key deleted"),
        "restore" => (view::Event::Restored, "Key restored"),
        "sync" => (view::Event::Synchronized, "Associated resources synchronized"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(statuses: &[(usize, &str)]) -> Vec<Notification> {
        let of = |(number, status): &(usize, &str)| {
            let json = serde_json::json!({"service": "one", "status": status});
            vec![serde_json::from_value::<Notification>(json).unwrap(); *number]
        };
        statuses.iter().flat_map(of).collect()
    }

    #[test]
    fn summary_counts_deliveries_and_other_statuses() {
        for (statuses, expected) in [
            (&[(12, "delivered"), (18, "retrying")][..], "12 of 30 delivered, 18 retrying"),
            (&[(2, "acknowledged"), (1, "delivered")], "3 of 3 delivered (2 acknowledged)"),
            (&[(1, "not-notified"), (1, "overdue")], "0 of 2 delivered, 1 overdue, 1 not notified"),
        ] {
            assert_eq!(summary(&services(statuses)), expected);
        }
    }

    #[test]
    fn status_names_are_those_of_the_api() {
        for status in NotificationStatus::ALL {
            let name = status_name(status);
            let read = services(&[(1, name)]).remove(0).status;
            assert_eq!(read, status, "{name}");
        }
    }
}
