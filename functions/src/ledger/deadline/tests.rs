//! Tests of the deadline.

use std::time::Duration;

use super::*;
use crate::{
    domain::deadline::{DEADLINE, GRACE},
    ledger::{Acknowledgements, item::tests::notification},
};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);

fn storage() -> ServiceName {
    "cloud-object-storage".parse().unwrap()
}

/// The deadline that a confirmation `late` after the notification stores.
fn confirm(notification: &Notification, late: Duration) -> Option<Deadline> {
    Deadline::after(notification, notification.at.plus(late), |service| *service == storage())
}

/// The next notification, `after` this one, whose deadline is stored.
fn next(mut notification: Notification, after: Duration, stored: Option<Deadline>) -> Notification {
    notification.claim = ClaimId::unique();
    notification.sequence += 1;
    notification.at = notification.at.plus(after);
    notification.key.claim = Some(notification.claim);
    notification.key.sequence = notification.sequence;
    notification.key.deadline = stored;
    notification
}

fn acknowledge(notification: &mut Notification, sequence: u64, at: EpochMillis) {
    let counted = Acknowledgement { at, key_state: String::new(), resource: None };
    let entry = Acknowledgements { settled: BTreeSet::new(), sequence, first_at: at, counted };
    notification.key.acknowledged.insert(storage(), entry);
}

/// The numbers of the notifications that a check finds not acknowledged.
fn overdue(deadline: &mut Deadline, notification: &Notification, at: EpochMillis) -> Option<Vec<u64>> {
    let found = deadline.check(&notification.key, at)?;
    Some(found.into_iter().map(|finding| finding.notification.sequence).collect())
}

#[test]
fn check_finds_missing_and_late_acknowledgements() {
    let found = |after: Option<Duration>| {
        let mut notification = notification();
        if let Some(after) = after {
            let at = notification.at.plus(after);
            acknowledge(&mut notification, 7, at);
        }
        let now = notification.at.plus(DEADLINE + GRACE + MILLISECOND);
        overdue(&mut confirm(&notification, Duration::ZERO).unwrap(), &notification, now).unwrap()
    };
    assert_eq!(found(None), [7]);
    assert_eq!(found(Some(Duration::ZERO)), [0; 0]);
    assert_eq!(found(Some(DEADLINE)), [0; 0]);
    assert_eq!(found(Some(DEADLINE + MILLISECOND)), [7]);
}

#[test]
fn check_is_made_once_and_after_the_grace() {
    let notification = notification();
    let mut deadline = confirm(&notification, Duration::ZERO).unwrap();
    let edge = notification.at.plus(DEADLINE + GRACE);
    assert_eq!(overdue(&mut deadline, &notification, edge), None);
    let after = edge.plus(MILLISECOND);
    assert_eq!(deadline.check_at(), Some(after));
    assert_eq!(overdue(&mut deadline, &notification, after), Some(vec![7]));
    assert_eq!(overdue(&mut deadline, &notification, after), None);
    assert_eq!(deadline.check_at(), None);
}

#[test]
fn newer_notifications_keep_the_oldest_deadline() {
    let first = notification();
    let stored = confirm(&first, Duration::ZERO);
    let second = next(first.clone(), HOUR, stored);
    let stored = confirm(&second, Duration::ZERO);
    let third = next(second, HOUR, stored);
    let mut deadline = confirm(&third, Duration::ZERO).unwrap();
    let check_at = deadline::checked_from(first.at);
    assert_eq!(deadline.check_at(), Some(check_at));
    assert_eq!(overdue(&mut deadline, &third, check_at), Some(vec![7]));
    // From then on, the newest one.
    let check_at = deadline::checked_from(third.at);
    assert_eq!(deadline.check_at(), Some(check_at));
    assert_eq!(overdue(&mut deadline, &third, check_at), Some(vec![9]));
}

#[test]
fn acknowledgement_settles_older_deadlines() {
    let first = notification();
    let stored = confirm(&first, Duration::ZERO);
    for acknowledged in [7, 8] {
        let mut second = next(first.clone(), HOUR, stored.clone());
        let at = second.at;
        acknowledge(&mut second, acknowledged, at);
        let mut deadline = confirm(&second, Duration::ZERO).unwrap();
        assert_eq!(deadline.check_at(), Some(deadline::checked_from(second.at)), "{acknowledged}");
        let found = overdue(&mut deadline, &second, second.at.plus(DEADLINE * 2)).unwrap();
        assert_eq!(found, if acknowledged == 7 { vec![8] } else { vec![] });
    }
}

#[test]
fn reported_notification_is_not_kept() {
    let first = notification();
    let mut deadline = confirm(&first, Duration::ZERO).unwrap();
    overdue(&mut deadline, &first, first.at.plus(DEADLINE * 2)).unwrap();
    let second = next(first, HOUR, Some(deadline));
    assert_eq!(confirm(&second, Duration::ZERO).unwrap().older, BTreeMap::new());
}

#[test]
fn service_is_added_by_the_first_confirmation_only() {
    let mut notification = notification();
    notification.key.retries.clear();
    assert!(confirm(&notification, DEADLINE * 2).is_some(), "first, after an outage");
    notification.key.outcome = crate::ledger::item::tests::delivered(&notification);
    assert!(confirm(&notification, HOUR).is_some(), "no service had to acknowledge yet");
    assert_eq!(confirm(&notification, DEADLINE * 2), None, "too late for a changed configuration");
    notification.key.deadline = Deadline::after(&notification, notification.at, |it| *it != storage());
    assert!(!confirm(&notification, HOUR).unwrap().services.contains(&storage()), "stored already");
}

#[test]
fn settled_service_must_still_acknowledge() {
    let mut notification = notification();
    let first = confirm(&notification, Duration::ZERO);
    notification.key.pending.clear();
    assert_eq!(confirm(&notification, Duration::ZERO), None, "nothing is stored");
    notification.key.deadline.clone_from(&first);
    assert_eq!(confirm(&notification, HOUR), first);
    notification.key.services.clear();
    assert_eq!(confirm(&notification, HOUR), None, "no registrations any more");
}

#[test]
fn confirmation_at_the_deadline_still_adds_services() {
    let mut notification = notification();
    notification.key.outcome = crate::ledger::item::tests::delivered(&notification);
    assert!(confirm(&notification, DEADLINE).is_some());
    assert_eq!(confirm(&notification, DEADLINE + MILLISECOND), None);
}

#[test]
fn replay_after_the_deadline_adds_no_service() {
    let mut notification = notification();
    notification.key.retries.clear();
    let mut replay = crate::ledger::item::Replay {
        claim: notification.claim,
        at: notification.at,
        services: vec![storage()],
        operator: "operator".to_owned(),
        reason: "outage".to_owned(),
    };
    notification.key.replay = Some(replay.clone());
    assert_eq!(confirm(&notification, DEADLINE * 2), None, "it was confirmed before the replay");
    replay.at = notification.at.minus(MILLISECOND);
    notification.key.replay = Some(replay);
    assert!(confirm(&notification, DEADLINE * 2).is_some(), "a replay of an older notification");
}

#[test]
fn finding_has_late_acknowledgement_of_its_notification() {
    for (sequence, is_shown) in [(6, false), (7, true)] {
        let mut notification = notification();
        let late = notification.at.plus(DEADLINE + MILLISECOND);
        acknowledge(&mut notification, sequence, late);
        let mut deadline = confirm(&notification, Duration::ZERO).unwrap();
        let found = deadline.check(&notification.key, notification.at.plus(DEADLINE * 2)).unwrap();
        assert_eq!(found[0].acknowledgement.is_some(), is_shown, "{sequence}");
    }
}

#[test]
fn checked_or_other_services_owe_nothing() {
    let mut notification = notification();
    notification.key.deadline = confirm(&notification, Duration::ZERO);
    let owed = |notification: &Notification, service: &str| {
        notification.key.owed(&service.parse().unwrap()).map(|owed| owed.sequence).collect::<Vec<_>>()
    };
    assert_eq!(owed(&notification, "cloud-object-storage"), [7]);
    assert_eq!(owed(&notification, "databases-for-postgresql"), [0; 0]);
    notification.key.deadline.as_mut().unwrap().checked = true;
    assert_eq!(owed(&notification, "cloud-object-storage"), [0; 0]);
}
