//! Histories that must not be, one for each promise, and next to each the one that may.

use super::{Promise, check};
use crate::history::{
    Answer, Callback, Entry, History, Item, Lifecycle, Moment, Reading, Registration, Span, Sync, Taken, Told,
};

const MINUTE: u64 = 60_000;
const COS: &str = "cloud-object-storage";

/// What goes on at a minute, as the `tick`th.
fn span(tick: u64, minute: u64) -> Span {
    let at = minute * MINUTE;
    Span { began: Moment { tick: 2 * tick, at }, ended: Moment { tick: 2 * tick + 1, at } }
}

fn sync(tick: u64, minute: u64, name: &str, answer: u16) -> Sync {
    let code = match answer {
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
        answer: Answer::Status(answer, code.to_owned()),
        item: None,
        calm: false,
    }
}

fn action(tick: u64, minute: u64, result: Taken) -> Entry {
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

fn reading(tick: u64, item: Item, told: u64) -> Reading {
    let told = Told { sequence: told, state: 2, version: "v".into() };
    let at = span(tick, 0).began;
    Reading { key: 0, at, item, told: [(COS.to_owned(), told)].into(), settled: false }
}

fn callback(sequence: u64, state: u8, event_id: &str) -> Callback {
    Callback {
        service: COS.into(),
        key: 0,
        at: Moment::default(),
        event_id: format!("k:{event_id}:{COS}"),
        sequence,
        state,
        version: "v".into(),
        action: "disable".into(),
        behaviour: "Act".into(),
        verdict: "Acted".into(),
    }
}

fn broken(entries: Vec<Entry>) -> Vec<Promise> {
    let mut broken: Vec<_> =
        check(&History { entries, dead_letters: vec![] }).into_iter().map(|violation| violation.of).collect();
    broken.dedup();
    broken
}

fn syncs(syncs: Vec<Sync>) -> Vec<Promise> {
    broken(syncs.into_iter().map(Entry::Sync).collect())
}

#[test]
fn two_accepted_within_the_hour() {
    let two = |minute| syncs(vec![sync(1, 0, "a", 204), sync(2, minute, "b", 204)]);
    assert_eq!(two(60), [Promise::OneAcceptedInTheWindow], "at exactly one hour it is closed");
    assert_eq!(two(61), []);
}

#[test]
fn a_repeated_request_is_one_claim_for_ten_minutes() {
    let again = |minute| syncs(vec![sync(1, 0, "a", 204), sync(2, minute, "a", 204)]);
    assert_eq!(again(10), []);
    assert_eq!(again(11), [Promise::OneAcceptedInTheWindow]);
    assert_eq!(
        syncs(vec![sync(1, 0, "a", 204), sync(2, 9, "a", 204), sync(3, 18, "a", 204)]),
        [Promise::OneAcceptedInTheWindow],
        "a replay does not prolong the ten minutes"
    );
}

#[test]
fn a_repeated_request_may_be_told_of_its_first_trys_claim() {
    let entries = vec![sync(1, 0, "a", 503), sync(2, 9, "a", 204), sync(3, 61, "b", 204)];
    assert_eq!(syncs(entries), [], "the claim was made at 0, or at 9: nobody can say");
}

#[test]
fn a_lifecycle_action_closes_the_window() {
    let after = |result, minute| broken(vec![action(1, 0, result), Entry::Sync(sync(2, minute, "a", 204))]);
    assert_eq!(after(Taken::Surely, 60), [Promise::ALifecycleActionClosesTheWindow]);
    assert_eq!(after(Taken::Surely, 61), []);
    assert_eq!(after(Taken::Refused, 60), []);
    assert_eq!(after(Taken::Perhaps, 60), []);
    let before = broken(vec![Entry::Sync(sync(1, 0, "a", 204)), action(2, 0, Taken::Surely)]);
    assert_eq!(before, [], "and not for a sync before it");
}

#[test]
fn a_204_has_a_claim_behind_it() {
    let accepted = |found: Item| Sync { item: Some(found), ..sync(5, 70, "a", 204) };
    let by = |name: &str, minute| Item { correlation_id: Some(name.into()), ..item(1, minute) };
    assert_eq!(syncs(vec![accepted(by("a", 70))]), []);
    assert_eq!(syncs(vec![accepted(item(0, 0))]), [Promise::No204WithoutAClaim]);
    assert_eq!(syncs(vec![accepted(by("a", 69))]), [Promise::No204WithoutAClaim], "an older claim");
    assert_eq!(syncs(vec![accepted(by("b", 70))]), [Promise::No204WithoutAClaim], "somebody else's");
    let mut meanwhile = action(5, 70, Taken::Surely);
    if let Entry::Lifecycle(action) = &mut meanwhile {
        action.span.ended.tick += 1; // it goes on while the sync does
    }
    assert_eq!(broken(vec![Entry::Sync(accepted(item(1, 70))), meanwhile]), [], "replaced");
}

#[test]
fn a_409_has_a_reason() {
    let after = |minute, answer| syncs(vec![sync(1, 0, "a", answer), sync(2, minute, "b", 409)]);
    assert_eq!(syncs(vec![sync(1, 0, "a", 409)]), [Promise::NoFalse409]);
    assert_eq!(after(60, 204), []);
    assert_eq!(after(60, 503), [], "it may have claimed");
    assert_eq!(after(60, 429), [], "so may this: a try's answer was lost, and the next one throttled");
    assert_eq!(after(60, 409).len(), 1);
    assert_eq!(after(61, 204), [Promise::NoFalse409]);
    assert_eq!(broken(vec![action(1, 0, Taken::Perhaps), Entry::Sync(sync(2, 60, "a", 409))]), []);
}

#[test]
fn a_claim_that_an_action_overtook_is_a_reason_though_its_own_caller_was_refused() {
    let mut claims = sync(1, 0, "a", 409);
    claims.span.ended.tick = 9;
    let history = |claims: &Sync, overtaken| {
        let meanwhile = action(3, 0, Taken::Surely); // after the other one was refused
        let refused = Entry::Sync(sync(2, 0, "b", 409));
        let mut entries = vec![Entry::Sync(claims.clone()), refused];
        entries.extend(if overtaken { Some(meanwhile) } else { None });
        broken(entries)
    };
    assert_eq!(history(&claims, true), []);
    assert_eq!(history(&claims, false), [Promise::NoFalse409]);
    claims.span.ended.tick = 3; // it had ended before
    assert_eq!(history(&claims, true), [Promise::NoFalse409]);
}

#[test]
fn a_request_is_not_refused_for_its_own_claim() {
    let again = |minute| syncs(vec![sync(1, 0, "a", 503), sync(2, minute, "a", 409)]);
    assert_eq!(again(10), [Promise::NoFalse409]);
    assert_eq!(again(11), []);
}

#[test]
fn only_answers_of_the_contract() {
    assert_eq!(syncs(vec![sync(1, 0, "a", 500)]), [Promise::OnlyKnownAnswers]);
    assert_eq!(syncs(vec![sync(1, 0, "a", 404)]), [Promise::OnlyKnownAnswers]);
    let calm = Sync { calm: true, ..sync(1, 0, "a", 503) };
    assert_eq!(syncs(vec![calm]), [Promise::OnlyKnownAnswers], "nothing was wrong");
}

/// A key with a service, then a claim, then another reading.
fn told(found: Item, told: u64, others: Vec<Entry>) -> Vec<Promise> {
    let mut entries = vec![Entry::Reading(reading(1, item(0, 0), 0)), action(2, 0, Taken::Surely)];
    entries.extend(others);
    entries.push(Entry::Reading(reading(9, found, told)));
    broken(entries)
}

#[test]
fn everybody_is_told_or_will_be() {
    assert_eq!(told(item(1, 0), 1, vec![]), []);
    assert_eq!(told(item(1, 0), 0, vec![]), [Promise::NothingLost]);
    let pending = |due_at| Item { pending: [COS.to_owned()].into(), due_at, ..item(1, 0) };
    assert_eq!(told(pending(Some(1)), 0, vec![]), []);
    assert_eq!(told(pending(None), 0, vec![]), [Promise::NothingLost], "pending, and never due");
    let gone = Callback { behaviour: "410".into(), ..callback(1, 2, "c") };
    assert_eq!(told(item(1, 0), 0, vec![Entry::Callback(gone)]), [], "it wants no more");
    let (key, service) = (0, COS.to_owned());
    let left = Registration { key, service, registered: false, span: span(3, 0), done: true };
    assert_eq!(told(item(1, 0), 0, vec![Entry::Registration(left)]), [], "it may have left before");
}

#[test]
fn in_the_end_the_outbox_is_empty() {
    let waits = Item { pending: [COS.to_owned()].into(), due_at: Some(1), ..item(1, 0) };
    let settled = Reading { settled: true, ..reading(1, waits, 0) };
    assert_eq!(broken(vec![Entry::Reading(settled)]), [Promise::NothingLost]);
}

#[test]
fn the_newest_state_is_what_a_service_goes_by() {
    assert_eq!(told(item(1, 0), 2, vec![]), [Promise::TheNewestStateWins], "newer than the table");
    let other = Item { state: 1, ..item(1, 0) };
    assert_eq!(
        told(other.clone(), 1, vec![]),
        [Promise::TheNewestStateWins],
        "not the table's, nor the action's"
    );
    let unclear = action(2, 0, Taken::Surely);
    assert_eq!(
        told(Item { version: "w".into(), ..item(1, 0) }, 1, vec![unclear]),
        [Promise::TheNewestStateWins]
    );
}

#[test]
fn a_sequence_number_stands_for_one_state() {
    let two = |one, other| broken(vec![Entry::Callback(one), Entry::Callback(other)]);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 2, "c")), []);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 1, "c")), [Promise::CallbacksAreConsistent]);
    assert_eq!(two(callback(1, 2, "c"), callback(1, 2, "d")), [Promise::CallbacksAreConsistent]);
    assert_eq!(two(callback(1, 2, "c"), callback(2, 2, "c")), [Promise::CallbacksAreConsistent]);
    let astray = Callback { event_id: "k:c:databases".into(), ..callback(1, 2, "c") };
    assert_eq!(broken(vec![Entry::Callback(astray)]), [Promise::CallbacksAreConsistent]);
    let forged = Callback { verdict: "Rejected".into(), ..callback(1, 2, "c") };
    assert_eq!(broken(vec![Entry::Callback(forged)]), [Promise::CallbacksAreConsistent]);
}

#[test]
fn only_claims_write() {
    let two = |before: Item, after: Item, between: Vec<Entry>| {
        let told = (before.sequence, after.sequence);
        let mut entries = vec![Entry::Reading(reading(1, before, told.0))];
        entries.extend(between);
        entries.push(Entry::Reading(reading(9, after, told.1)));
        broken(entries)
    };
    let refused = || vec![action(2, 0, Taken::Refused)];
    assert_eq!(two(item(1, 5), item(1, 5), refused()), []);
    assert_eq!(two(item(1, 5), item(2, 5), refused()), [Promise::OnlyClaimsWrite], "a refusal wrote");
    assert_eq!(two(item(1, 5), item(1, 6), refused()), [Promise::OnlyClaimsWrite]);
    assert_eq!(two(item(2, 5), item(1, 5), refused()), [Promise::OnlyClaimsWrite], "it went back");
    assert_eq!(two(item(1, 5), item(2, 4), vec![action(2, 0, Taken::Surely)]), [Promise::OnlyClaimsWrite]);
    assert_eq!(two(item(1, 5), item(2, 6), vec![action(2, 0, Taken::Surely)]), []);
    let too_early = |tick| Entry::Sync(sync(tick, 60, "a", 409));
    let with_sync = |tick| two(item(1, 5), item(3, 6), vec![too_early(tick), action(2, 60, Taken::Surely)]);
    assert_eq!(with_sync(2), [], "the action may have taken the place of the sync's claim");
    assert_eq!(with_sync(3), [Promise::OnlyClaimsWrite]);
}

#[test]
fn an_outbox_is_bounded() {
    let strange = Item { pending: ["other".to_owned()].into(), due_at: Some(1), ..item(0, 0) };
    let retried = Item { retries: [COS.to_owned()].into(), ..item(0, 0) };
    let large = Item { bytes: 10_000, ..item(0, 0) };
    for item in [strange, retried, large] {
        assert_eq!(broken(vec![Entry::Reading(reading(1, item, 0))]), [Promise::Bounded]);
    }
}

#[test]
fn a_defect_and_a_dead_letter_are_seen() {
    assert_eq!(broken(vec![Entry::Defect(Moment::default(), "it hangs".into())]), [Promise::NoDefect]);
    let history = History { dead_letters: vec!["bad".into()], ..History::default() };
    assert_eq!(check(&history).len(), 1);
}
