//! The checker of traces: a trace that the model explains, and changes that make it impossible.

use keysync_model::trace::{
    Delivery::{self, Delivered, Lost, Unknown},
    Event, EventKind, Item, Millis, Request, Write, WriteKind, check,
};

const HOUR: Millis = 3_600_000;
const LEASE: Millis = 60_000;
const SERVICE: &str = "cloud-object-storage";

fn request(correlation_id: &str) -> Request {
    Request { caller: "alice".to_owned(), correlation_id: correlation_id.to_owned() }
}

/// The item after a claim at `at` that was the key's `sequence`th.
fn claimed(sequence: u64, claim: &str, at: Millis) -> Item {
    Item {
        notified_at: Some(at),
        sequence,
        request: Some(request(claim)),
        claim: Some(claim.to_owned()),
        lease: Some(claim.to_owned()),
        due_at: Some(at + LEASE),
        services: [SERVICE.to_owned()].into(),
        pending: [SERVICE.to_owned()].into(),
        ..Item::default()
    }
}

/// The item after the service has the notification.
fn settled(mut item: Item) -> Item {
    item.pending.clear();
    item.due_at = None;
    item.outcome = [(SERVICE.to_owned(), "delivered".to_owned())].into();
    item
}

fn write(at: Millis, kind: WriteKind, applied: bool, response: Delivery, item: Item) -> Event {
    Event { at, kind: EventKind::Write(Box::new(Write { kind, applied, response, item })) }
}

/// A claim, whose id is its correlation id.
fn claim(at: Millis, claim: &str, response: Delivery, item: Item) -> Event {
    let applied = item.claim.as_deref() == Some(claim) && item.notified_at == Some(at);
    let kind =
        WriteKind::Claim { claim: claim.to_owned(), request: request(claim), clock: at, until: at + LEASE };
    write(at, kind, applied, response, item)
}

fn confirm(at: Millis, claim: &str, applied: bool, item: Item) -> Event {
    let kind = WriteKind::Confirm { claim: claim.to_owned(), lease: claim.to_owned() };
    write(at, kind, applied, Delivered, item)
}

/// A lifecycle action, a millisecond after the last one of `item`'s key if it was rejected.
fn record(at: Millis, claim: &str, applied: bool, item: Item) -> Event {
    let occurred_at = item.event_at + Millis::from(!applied);
    let kind = WriteKind::Record { claim: claim.to_owned(), occurred_at, clock: at, until: at + LEASE };
    write(at, kind, applied, Delivered, item)
}

fn callback(claim: &str) -> Event {
    let kind = EventKind::Callback { service: SERVICE.to_owned(), claim: claim.to_owned() };
    Event { at: 0, kind }
}

fn response(claim: &str, status: u16) -> Event {
    Event { at: 0, kind: EventKind::Response { request: request(claim), status } }
}

/// The number of the first impossible step; `None` if there is none.
fn impossible(trace: &[Event]) -> Option<usize> {
    check(trace).err().map(|impossible| impossible.step)
}

#[test]
fn actions_have_later_claim_ids() {
    let before = claimed(1, "b", 0);
    let recorded = |claim| Item { event_at: 1, request: None, ..claimed(2, claim, 5) };
    let then = |event| impossible(&[claim(0, "b", Delivered, before.clone()), event]);
    assert_eq!(then(record(5, "c", true, recorded("c"))), None);
    assert_eq!(then(record(5, "a", true, recorded("a"))), Some(1));
    assert_eq!(then(record(5, "a", false, before.clone())), None, "the first of two attempts");
    assert_eq!(then(record(5, "c", false, before.clone())), Some(1), "it must be recorded");
}

#[test]
fn accepts_claim_delivery_and_confirmation() {
    let done = settled(claimed(1, "a", 0));
    let trace = [
        claim(0, "a", Delivered, claimed(1, "a", 0)),
        callback("a"),
        confirm(5, "a", true, done.clone()),
        response("a", 204),
        claim(HOUR, "b", Delivered, done.clone()),
        response("b", 409),
        claim(HOUR + 1, "c", Delivered, claimed(2, "c", HOUR + 1)),
    ];
    assert_eq!(check(&trace), Ok(7));
    let without = |nth: usize| -> Vec<_> {
        trace.iter().enumerate().filter(|(n, _)| *n != nth).map(|(_, event)| event.clone()).collect()
    };
    assert_eq!(impossible(&without(0)), Some(1), "a confirmation without a claim");
    assert_eq!(impossible(&without(1)), Some(1), "delivered, but the service received nothing");
    assert_eq!(impossible(&without(2)), Some(3), "the confirmation's changes without its write");
    assert_eq!(impossible(&without(4)), Some(4), "a 409 without a rejected claim");
    assert_eq!(impossible(&[trace[0].clone(), response("a", 404)]), Some(1), "the key exists");
}

#[test]
fn rejects_claim_within_the_hour() {
    let first = claim(0, "a", Delivered, claimed(1, "a", 0));
    let second = |at| [first.clone(), claim(at, "b", Delivered, claimed(2, "b", at))];
    assert_eq!(impossible(&second(HOUR)), Some(1));
    assert_eq!(impossible(&second(HOUR + 1)), None);
}

#[test]
fn rejects_item_that_the_model_does_not_have() {
    let with = |change: fn(&mut Item)| {
        let mut item = claimed(1, "a", 0);
        change(&mut item);
        impossible(&[claim(0, "a", Delivered, item)])
    };
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|item| item.due_at = None), Some(0));
    assert_eq!(with(|item| item.pending.clear()), Some(0));
    assert_eq!(with(|item| item.sequence = 2), Some(0));
    assert_eq!(with(|item| item.lease = None), Some(0));
}

#[test]
fn searches_whether_a_response_arrived() {
    let item = claimed(1, "a", 0);
    let confirmed = |response, resent: bool| {
        let again = resent.then(|| {
            let kind =
                WriteKind::Claim { claim: "a".to_owned(), request: request("a"), clock: 0, until: LEASE };
            write(1, kind, false, Delivered, item.clone())
        });
        let trace = [claim(0, "a", response, item.clone()), callback("a")].into_iter().chain(again);
        impossible(&trace.chain([confirm(5, "a", true, settled(item.clone()))]).collect::<Vec<_>>())
    };
    assert_eq!(confirmed(Delivered, false), None);
    assert_eq!(confirmed(Unknown, false), None);
    assert_eq!(confirmed(Lost, true), None);
    assert_eq!(confirmed(Lost, false), Some(2), "a process that does not know of its claim");
}

#[test]
fn rejects_confirmation_of_replaced_notification() {
    let (first, second) = (claimed(1, "a", 0), claimed(2, "b", HOUR + 1));
    let late = |applied, item| {
        let trace = [
            claim(0, "a", Delivered, first.clone()),
            callback("a"),
            claim(HOUR + 1, "b", Delivered, second.clone()),
            confirm(HOUR + 2, "a", applied, item),
        ];
        impossible(&trace)
    };
    assert_eq!(late(false, second.clone()), None);
    assert_eq!(late(true, settled(second.clone())), Some(3));
}

#[test]
fn lease_is_due_by_its_process_clock() {
    // It read its clock 40 ms before its write reached the table.
    let leased = |clock: Millis| {
        let (until, lease) = (clock + LEASE, "r".to_owned());
        let item = Item { lease: Some(lease.clone()), due_at: Some(until), ..claimed(1, "a", 0) };
        let lease = write(LEASE + 40, WriteKind::Lease { lease, clock, until }, true, Delivered, item);
        impossible(&[claim(0, "a", Delivered, claimed(1, "a", 0)), lease])
    };
    assert_eq!(leased(LEASE), None);
    assert_eq!(leased(LEASE - 1), Some(1), "not due by its clock");
}
