//! What is stored of a service's acknowledgements.
//!
//! One entry per service, whatever the number of acknowledgements, resources and notifications: an
//! item must not grow with them. The entry survives the next claim, so that an acknowledgement that
//! settles an older deadline is not forgotten with it (`deadline.rs`).

use std::{cmp::Ordering, collections::BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Notified, item::KeyRecord};
use crate::domain::{EpochMillis, ResourceCrn, deadline};

/// A service's report that it acted on a notification. A 2xx response only means "received".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The instant at which the service acted.
    pub at: EpochMillis,
    /// The key's state in the terms of the service (`adopterKeyState`).
    pub key_state: String,
    /// The resource that the acknowledgement names, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceCrn>,
}

impl Acknowledgement {
    /// Whether the acknowledged state contradicts the key's.
    pub(super) fn contradicts(&self, key: &KeyRecord) -> bool {
        key.state.is_contradicted_by(&self.key_state)
    }

    /// Whether `stored` says the same or something newer about the same resource. Without a
    /// resource, an acknowledgement is about all of them.
    pub(super) fn is_outdated_by(&self, stored: &Self) -> bool {
        !self.is_about_another_resource(stored) && self.at <= stored.at
    }

    /// Whether this acknowledgement counts instead of `stored`, of the same notification. A
    /// contradiction counts until the same resource corrects it.
    fn replaces(&self, stored: &Self, key: &KeyRecord) -> bool {
        if self.is_about_another_resource(stored) && self.contradicts(key) != stored.contradicts(key) {
            return self.contradicts(key);
        }
        self.at > stored.at
    }

    fn is_about_another_resource(&self, stored: &Self) -> bool {
        matches!((&self.resource, &stored.resource), (Some(one), Some(other)) if one != other)
    }
}

/// The acknowledgements of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgements {
    /// The numbers of owed notifications that were settled by earlier acknowledgements: at most the
    /// two that a deadline has.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) settled: BTreeSet<u64>,
    /// The number of the newest acknowledged notification.
    pub(super) sequence: u64,
    /// The earliest instant at which the service acted on it. A later acknowledgement does not make
    /// an earlier one late.
    pub(super) first_at: EpochMillis,
    /// The acknowledgement of the notification `sequence` that counts.
    pub(super) counted: Acknowledgement,
}

impl Acknowledgements {
    /// Whether the service acted on `notification` in time, or on a newer one, which says the same
    /// and more.
    pub(super) fn settle(&self, notification: &Notified) -> bool {
        let is_in_time = self.first_at <= deadline::of(notification.at);
        self.settled.contains(&notification.sequence)
            || (self.sequence >= notification.sequence && is_in_time)
    }

    /// The entry after `new`, an acknowledgement of the notification number `sequence`. `owed` are
    /// the notifications that the service must acknowledge and that are not checked yet.
    pub(super) fn after(
        stored: Option<&Self>,
        new: &Acknowledgement,
        sequence: u64,
        owed: &[&Notified],
        key: &KeyRecord,
    ) -> Self {
        let first = Self { settled: BTreeSet::new(), sequence, first_at: new.at, counted: new.clone() };
        let Some(stored) = stored.cloned() else { return first };
        let is_settled = |owed: &&&Notified| stored.settle(owed) || first.settle(owed);
        let settled = owed.iter().filter(is_settled).map(|owed| owed.sequence).collect();
        match stored.sequence.cmp(&sequence) {
            Ordering::Less => Self { settled, ..first },
            Ordering::Equal => {
                let first_at = stored.first_at.min(new.at);
                let counted = if new.replaces(&stored.counted, key) { first.counted } else { stored.counted };
                Self { settled, sequence, first_at, counted }
            }
            // An acknowledgement of an older notification arrives late.
            Ordering::Greater => Self { settled, ..stored },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::item::tests::notification;

    /// What a service stores that reports `words` as `(seconds, bucket, word)`, about a deleted
    /// key.
    fn stored(words: &[(u64, &str, &str)]) -> (u64, String) {
        let key = notification().key;
        let mut stored = None;
        for (seconds, bucket, word) in words {
            let resource = (!bucket.is_empty()).then(|| {
                format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:{bucket}")
                    .parse()
                    .unwrap()
            });
            let (at, key_state) = (EpochMillis::new(seconds * 1000), (*word).to_owned());
            let new = Acknowledgement { at, key_state, resource };
            stored = Some(Acknowledgements::after(stored.as_ref(), &new, 7, &[], &key));
        }
        let Acknowledgements { first_at, counted, .. } = stored.unwrap();
        (first_at.secs(), format!("{} {}", counted.at.secs(), counted.key_state))
    }

    #[test]
    fn contradiction_counts_until_its_resource_corrects_it() {
        const ENABLED: &str = "DEK_ENABLED"; // contradicts a deleted key
        const DISABLED: &str = "DEK_DISABLED";
        for (words, counted) in [
            (&[(2, "a", ENABLED), (3, "b", DISABLED)][..], "2 DEK_ENABLED"),
            (&[(3, "b", DISABLED), (2, "a", ENABLED)], "2 DEK_ENABLED"),
            (&[(2, "a", ENABLED), (3, "b", DISABLED), (4, "a", DISABLED)], "4 DEK_DISABLED"),
            (&[(2, "a", ENABLED), (3, "", DISABLED)], "3 DEK_DISABLED"),
            (&[(2, "a", DISABLED), (3, "b", DISABLED)], "3 DEK_DISABLED"),
            (&[(3, "a", DISABLED), (2, "a", ENABLED)], "3 DEK_DISABLED"),
        ] {
            assert_eq!(stored(words).1, counted, "{words:?}");
        }
    }

    #[test]
    fn later_acknowledgement_keeps_the_first_instant() {
        assert_eq!(stored(&[(2, "a", "x"), (9, "a", "y")]), (2, "9 y".to_owned()));
        assert_eq!(stored(&[(9, "a", "y"), (2, "a", "x")]), (2, "9 y".to_owned()));
    }

    #[test]
    fn newer_acknowledgement_keeps_what_is_settled() {
        let notification = notification();
        let (key, seventh) = (&notification.key, Notified::from(&notification));
        let sixth = Notified {
            sequence: 6,
            at: seventh.at.minus(std::time::Duration::from_hours(2)),
            ..seventh.clone()
        };
        let late = deadline::overdue_from(sixth.at);
        let after = |stored: Option<&Acknowledgements>, sequence: u64, at: EpochMillis| {
            let new = Acknowledgement { at, key_state: String::new(), resource: None };
            Acknowledgements::after(stored, &new, sequence, &[&sixth], key)
        };
        let settled = |first: (u64, EpochMillis), second: (u64, EpochMillis)| {
            let first = after(None, first.0, first.1);
            let entry = after(Some(&first), second.0, second.1);
            assert_eq!((entry.sequence, entry.first_at), (7, late));
            [entry.settle(&sixth), entry.settle(&seventh)]
        };
        assert_eq!(settled((6, sixth.at), (7, late)), [true, true]);
        assert_eq!(settled((7, late), (6, sixth.at)), [true, true], "the older one arrives later");
        assert_eq!(settled((6, late), (7, late)), [false, true]);
        assert_eq!(settled((7, late), (6, late)), [false, true]);
    }

    #[test]
    fn only_this_or_newer_notification_settles() {
        let notified = Notified::from(&notification());
        let in_time = deadline::of(notified.at);
        let settles = |sequence: u64, first_at: EpochMillis| {
            let counted = Acknowledgement { at: first_at, key_state: String::new(), resource: None };
            Acknowledgements { settled: BTreeSet::new(), sequence, first_at, counted }.settle(&notified)
        };
        assert!(settles(7, in_time) && settles(8, in_time));
        assert!(!settles(6, in_time));
        assert!(!settles(7, deadline::overdue_from(notified.at)));
    }

    #[test]
    fn first_of_simultaneous_acknowledgements_counts() {
        assert_eq!(stored(&[(2, "a", "x"), (2, "a", "y")]), (2, "2 x".to_owned()));
    }

    #[test]
    fn older_acknowledgement_of_same_resource_is_outdated() {
        let bucket = |name: &str| {
            let crn =
                format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:{name}");
            Some(crn.parse().unwrap())
        };
        let acknowledgement = |at: u64, resource| Acknowledgement {
            at: EpochMillis::new(at),
            key_state: String::new(),
            resource,
        };
        let stored = acknowledgement(5, bucket("a"));
        let is_outdated = |at, resource| acknowledgement(at, resource).is_outdated_by(&stored);
        assert!(is_outdated(4, bucket("a")) && is_outdated(5, bucket("a")) && is_outdated(5, None));
        assert!(!is_outdated(6, bucket("a")) && !is_outdated(6, None));
        assert!(!is_outdated(4, bucket("b")) && !is_outdated(6, bucket("b")));
    }
}
