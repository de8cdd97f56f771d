//! For each guarantee, histories that violate it and similar histories that do not.

use super::{Guarantee, check};
use crate::history::{
    Callback, Entry, History, Item, Lifecycle, Moment, Notified, Outcome, Registration, Response, Snapshot,
    Span, Sync,
};

const MINUTE: u64 = 60_000;
const COS: &str = "cloud-object-storage";

/// The span of the `tick`th action, which starts and ends at `minute`.
fn span(tick: u64, minute: u64) -> Span {
    let at = minute * MINUTE;
    Span { began: Moment { tick: 2 * tick, at }, ended: Moment { tick: 2 * tick + 1, at } }
}

fn sync(tick: u64, minute: u64, name: &str, status: u16) -> Sync {
    let code = match status {
        409 => "REQ_TOO_EARLY_ERR",
        429 => "TOO_MANY_REQUESTS_ERR",
        500 => "INTERNAL_ERR",
        503 => "SERVICE_UNAVAILABLE_ERR",
        _ => "",
    };
    Sync {
        caller: 0,
        key: 0,
        correlation_id: name.to_owned(),
        span: span(tick, minute),
        response: Response::Status(status, code.to_owned()),
        item: None,
        must_succeed: false,
    }
}

fn action(tick: u64, minute: u64, result: Outcome) -> Entry {
    Entry::Lifecycle(Lifecycle {
        key: 0,
        action: "disable".into(),
        state: 2,
        span: span(tick, minute),
        result,
    })
}

fn item(sequence: u64, minute: u64) -> Item {
    Item {
        sequence,
        notified_at: (sequence > 0).then_some(minute * MINUTE),
        claim: Some(format!("claim-{sequence}")),
        state: 2,
        version: "v".into(),
        services: [COS.to_owned()].into(),
        ..Item::default()
    }
}

fn snapshot(tick: u64, item: Item, notified: u64) -> Snapshot {
    let last = Notified { sequence: notified, state: 2, version: "v".into() };
    let at = span(tick, 0).began;
    Snapshot { key: 0, at, item, notified: [(COS.to_owned(), last)].into(), settled: false }
}

fn callback(sequence: u64, state: u8, event_id: &str) -> Callback {
    Callback {
        service: COS.into(),
        key: 0,
        at: Moment::default(),
        event_id: format!("k_{event_id}_{COS}"),
        sequence,
        state,
        version: "v".into(),
        action: "disable".into(),
        behaviour: "Act".into(),
        verdict: "Acted".into(),
    }
}

fn violated(entries: Vec<Entry>) -> Vec<Guarantee> {
    let violations = check(&History { entries, ..History::default() });
    let mut violated: Vec<_> = violations.into_iter().map(|violation| violation.guarantee).collect();
    violated.dedup();
    violated
}

fn syncs(syncs: Vec<Sync>) -> Vec<Guarantee> {
    violated(syncs.into_iter().map(Entry::Sync).collect())
}

#[test]
fn detects_two_syncs_within_an_hour() {
    let two = |minute| syncs(vec![sync(1, 0, "a", 204), sync(2, minute, "b", 204)]);
    assert_eq!(two(60), [Guarantee::OneSyncPerWindow], "at exactly one hour the window is still closed");
    assert_eq!(two(61), []);
}

#[test]
fn repeated_request_shares_claim_for_ten_minutes() {
    let again = |minute| syncs(vec![sync(1, 0, "a", 204), sync(2, minute, "a", 204)]);
    assert_eq!(again(10), []);
    assert_eq!(again(11), [Guarantee::OneSyncPerWindow]);
    assert_eq!(
        syncs(vec![sync(1, 0, "a", 204), sync(2, 9, "a", 204), sync(3, 18, "a", 204)]),
        [Guarantee::OneSyncPerWindow],
        "a replay does not prolong the ten minutes"
    );
}

#[test]
fn repeated_request_may_replay_unacknowledged_claim() {
    let entries = vec![sync(1, 0, "a", 503), sync(2, 9, "a", 204), sync(3, 61, "b", 204)];
    assert_eq!(syncs(entries), [], "the claim may have been made at 0 or at 9");
}

#[test]
fn detects_sync_after_lifecycle_action() {
    let after = |result, minute| violated(vec![action(1, 0, result), Entry::Sync(sync(2, minute, "a", 204))]);
    assert_eq!(after(Outcome::Recorded, 60), [Guarantee::LifecycleActionClosesWindow]);
    assert_eq!(after(Outcome::Recorded, 61), []);
    assert_eq!(after(Outcome::Rejected, 60), []);
    assert_eq!(after(Outcome::Uncertain, 60), []);
    let before = violated(vec![Entry::Sync(sync(1, 0, "a", 204)), action(2, 0, Outcome::Recorded)]);
    assert_eq!(before, [], "a sync before the action is allowed");
}

#[test]
fn detects_204_without_claim() {
    let accepted = |found: Item| Sync { item: Some(found), ..sync(5, 70, "a", 204) };
    let by = |name: &str, minute| Item { correlation_id: Some(name.into()), ..item(1, minute) };
    assert_eq!(syncs(vec![accepted(by("a", 70))]), []);
    assert_eq!(syncs(vec![accepted(item(0, 0))]), [Guarantee::ClaimBehindEvery204]);
    assert_eq!(syncs(vec![accepted(by("a", 69))]), [Guarantee::ClaimBehindEvery204], "an older claim");
    assert_eq!(
        syncs(vec![accepted(by("b", 70))]),
        [Guarantee::ClaimBehindEvery204],
        "the claim of another request"
    );
    let mut concurrent = action(5, 70, Outcome::Recorded);
    if let Entry::Lifecycle(action) = &mut concurrent {
        action.span.ended.tick += 1; // overlaps the sync
    }
    assert_eq!(violated(vec![Entry::Sync(accepted(item(1, 70))), concurrent]), [], "replaced");
}

#[test]
fn detects_409_without_closed_window() {
    let after = |minute, status| syncs(vec![sync(1, 0, "a", status), sync(2, minute, "b", 409)]);
    assert_eq!(syncs(vec![sync(1, 0, "a", 409)]), [Guarantee::NoFalse409]);
    assert_eq!(after(60, 204), []);
    assert_eq!(after(60, 503), [], "it may have claimed");
    assert_eq!(after(60, 429), [], "it may have claimed, with the response lost and the retry throttled");
    assert_eq!(after(60, 409).len(), 1);
    assert_eq!(after(61, 204), [Guarantee::NoFalse409]);
    assert_eq!(violated(vec![action(1, 0, Outcome::Uncertain), Entry::Sync(sync(2, 60, "a", 409))]), []);
}

#[test]
fn rejected_sync_with_replaced_claim_explains_409() {
    let mut claims = sync(1, 0, "a", 409);
    claims.span.ended.tick = 9;
    let history = |claims: &Sync, replaced| {
        let concurrent = action(3, 0, Outcome::Recorded); // after the second sync was rejected
        let rejected = Entry::Sync(sync(2, 0, "b", 409));
        let mut entries = vec![Entry::Sync(claims.clone()), rejected];
        entries.extend(if replaced { Some(concurrent) } else { None });
        violated(entries)
    };
    assert_eq!(history(&claims, true), []);
    assert_eq!(history(&claims, false), [Guarantee::NoFalse409]);
    claims.span.ended.tick = 3; // the claiming sync ended before the action
    assert_eq!(history(&claims, true), [Guarantee::NoFalse409]);
}

#[test]
fn detects_409_caused_by_own_claim() {
    let again = |minute| syncs(vec![sync(1, 0, "a", 503), sync(2, minute, "a", 409)]);
    assert_eq!(again(10), [Guarantee::NoFalse409]);
    assert_eq!(again(11), []);
}

#[test]
fn detects_unknown_responses() {
    assert_eq!(syncs(vec![sync(1, 0, "a", 500)]), [Guarantee::KnownResponses]);
    assert_eq!(syncs(vec![sync(1, 0, "a", 404)]), [Guarantee::KnownResponses]);
    let failed = Sync { must_succeed: true, ..sync(1, 0, "a", 503) };
    assert_eq!(syncs(vec![failed]), [Guarantee::KnownResponses], "a sync without faults must succeed");
}

/// A key with one service: a snapshot, a claim, and a second snapshot.
fn after_claim(found: Item, notified: u64, others: Vec<Entry>) -> Vec<Guarantee> {
    let mut entries = vec![Entry::Snapshot(snapshot(1, item(0, 0), 0)), action(2, 0, Outcome::Recorded)];
    entries.extend(others);
    entries.push(Entry::Snapshot(snapshot(9, found, notified)));
    violated(entries)
}

#[test]
fn detects_service_neither_notified_nor_pending() {
    assert_eq!(after_claim(item(1, 0), 1, vec![]), []);
    assert_eq!(after_claim(item(1, 0), 0, vec![]), [Guarantee::NothingLost]);
    let pending = |due_at| Item { pending: [COS.to_owned()].into(), due_at, ..item(1, 0) };
    assert_eq!(after_claim(pending(Some(1)), 0, vec![]), []);
    assert_eq!(after_claim(pending(None), 0, vec![]), [Guarantee::NothingLost], "pending without a due time");
    let gone = Callback { behaviour: "410".into(), ..callback(1, 2, "c") };
    assert_eq!(after_claim(item(1, 0), 0, vec![Entry::Callback(gone)]), [], "the service responded with 410");
    let (key, service) = (0, COS.to_owned());
    let left = Registration { key, service, registered: false, span: span(3, 0), done: true };
    assert_eq!(
        after_claim(item(1, 0), 0, vec![Entry::Registration(left)]),
        [],
        "the service may have deregistered before the claim"
    );
}

#[test]
fn detects_pending_service_after_settling() {
    let waits = Item { pending: [COS.to_owned()].into(), due_at: Some(1), ..item(1, 0) };
    let settled = Snapshot { settled: true, ..snapshot(1, waits, 0) };
    assert_eq!(violated(vec![Entry::Snapshot(settled)]), [Guarantee::NothingLost]);
}

#[test]
fn detects_service_state_other_than_newest() {
    assert_eq!(after_claim(item(1, 0), 2, vec![]), [Guarantee::NewestStateWins], "newer than the table");
    let other = Item { state: 1, ..item(1, 0) };
    assert_eq!(
        after_claim(other.clone(), 1, vec![]),
        [Guarantee::NewestStateWins],
        "neither the table's state nor the action's"
    );
    let unclear = action(2, 0, Outcome::Recorded);
    assert_eq!(
        after_claim(Item { version: "w".into(), ..item(1, 0) }, 1, vec![unclear]),
        [Guarantee::NewestStateWins]
    );
}

#[test]
fn detects_inconsistent_callbacks() {
    let two = |one, other| violated(vec![Entry::Callback(one), Entry::Callback(other)]);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 2, "c")), []);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 1, "c")), [Guarantee::ConsistentCallbacks]);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 2, "d")), [Guarantee::ConsistentCallbacks]);
    assert_eq!(two(callback(1, 2, "c"), callback(2, 2, "c")), [Guarantee::ConsistentCallbacks]);
    let misdirected = Callback { event_id: "k_c_databases".into(), ..callback(1, 2, "c") };
    assert_eq!(violated(vec![Entry::Callback(misdirected)]), [Guarantee::ConsistentCallbacks]);
    let forged = Callback { verdict: "Rejected".into(), ..callback(1, 2, "c") };
    assert_eq!(violated(vec![Entry::Callback(forged)]), [Guarantee::ConsistentCallbacks]);
}

#[test]
fn detects_writes_without_claim() {
    let two = |before: Item, after: Item, between: Vec<Entry>| {
        let notified = (before.sequence, after.sequence);
        let mut entries = vec![Entry::Snapshot(snapshot(1, before, notified.0))];
        entries.extend(between);
        entries.push(Entry::Snapshot(snapshot(9, after, notified.1)));
        violated(entries)
    };
    let rejected = || vec![action(2, 0, Outcome::Rejected)];
    assert_eq!(two(item(1, 5), item(1, 5), rejected()), []);
    assert_eq!(
        two(item(1, 5), item(2, 5), rejected()),
        [Guarantee::OnlyClaimsWrite],
        "a rejected action wrote"
    );
    assert_eq!(two(item(1, 5), item(1, 6), rejected()), [Guarantee::OnlyClaimsWrite]);
    assert_eq!(
        two(item(2, 5), item(1, 5), rejected()),
        [Guarantee::OnlyClaimsWrite],
        "the sequence decreased"
    );
    assert_eq!(
        two(item(1, 5), item(2, 4), vec![action(2, 0, Outcome::Recorded)]),
        [Guarantee::OnlyClaimsWrite]
    );
    assert_eq!(two(item(1, 5), item(2, 6), vec![action(2, 0, Outcome::Recorded)]), []);
    let too_early = |tick| Entry::Sync(sync(tick, 60, "a", 409));
    let with_sync =
        |tick| two(item(1, 5), item(3, 6), vec![too_early(tick), action(2, 60, Outcome::Recorded)]);
    assert_eq!(with_sync(2), [], "the action may have replaced the sync's claim");
    assert_eq!(with_sync(3), [Guarantee::OnlyClaimsWrite]);
}

#[test]
fn detects_unbounded_outbox() {
    let unassociated = Item { pending: ["other".to_owned()].into(), due_at: Some(1), ..item(0, 0) };
    let retried = Item { retries: [COS.to_owned()].into(), ..item(0, 0) };
    let large = Item { bytes: 10_000, ..item(0, 0) };
    for item in [unassociated, retried, large] {
        assert_eq!(violated(vec![Entry::Snapshot(snapshot(1, item, 0))]), [Guarantee::BoundedOutbox]);
    }
}

#[test]
fn reports_defects_and_dead_letters() {
    assert_eq!(
        violated(vec![Entry::Defect(Moment::default(), "the round hangs".into())]),
        [Guarantee::NoDefect]
    );
    let history = History { dead_letters: vec!["bad".into()], ..History::default() };
    assert_eq!(check(&history).len(), 1);
}
