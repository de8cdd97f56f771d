//! What states, standings and actions are called, and what actions do.

use crate::{
    api::{Action, Event, KeyState, Standing},
    view::{self, Tag},
};

/// A lifecycle action, for people.
pub(super) struct Wording {
    /// In a menu.
    pub(super) name: &'static str,
    /// On its page.
    pub(super) title: &'static str,
    /// What it does.
    pub(super) effect: &'static str,
    /// What was done.
    pub(super) done: &'static str,
    /// What was not done.
    pub(super) not_done: &'static str,
    /// Whether it takes something from somebody.
    pub(super) danger: bool,
}

pub(super) const fn action(action: Action) -> Wording {
    match action {
        Action::Rotate => Wording {
            name: "Rotate",
            title: "Rotate key",
            effect: "The key gets a new version. What older versions protect stays readable; services are asked to protect it by \
                     the new one. A key can be rotated once an hour.",
            done: "The key is rotated",
            not_done: "The key was not rotated",
            danger: false,
        },
        Action::Disable => Wording {
            name: "Disable",
            title: "Disable key",
            effect: "Until somebody enables the key again, services cannot use it: what it protects can be neither read nor written.",
            done: "The key is disabled",
            not_done: "The key was not disabled",
            danger: true,
        },
        Action::Enable => Wording {
            name: "Enable",
            title: "Enable key",
            effect: "Services can use the key again: what it protects can be read and written.",
            done: "The key is enabled",
            not_done: "The key was not enabled",
            danger: false,
        },
        Action::Delete => Wording {
            name: "Delete",
            title: "Delete key",
            effect: "What the key protects can no longer be read. For 30 days the key can be restored; after that, nobody can read \
                     it ever again.",
            done: "The key is deleted",
            not_done: "The key was not deleted",
            danger: true,
        },
        Action::Restore => Wording {
            name: "Restore",
            title: "Restore key",
            effect: "The deleted key is active again, and what it protects can be read.",
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

pub(super) const fn standing(standing: Standing) -> (Tag, &'static str) {
    match standing {
        Standing::NotNotified => (Tag::NotNotified, "Not notified"),
        Standing::Pending => (Tag::Pending, "Pending"),
        Standing::Retrying => (Tag::Retrying, "Retrying"),
        Standing::Delivered => (Tag::Delivered, "Delivered"),
        Standing::Acknowledged => (Tag::Acknowledged, "Acknowledged"),
        Standing::Refused => (Tag::Refused, "Refused"),
        Standing::Failed => (Tag::Failed, "Failed"),
        Standing::Unknown => (Tag::Plain, "Unknown"),
    }
}

/// An event of a kind that this console knows.
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
