//! Names of states, statuses and actions, and the effects of actions.

use crate::{
    api::{Action, Event, KeyState, NotificationStatus},
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
