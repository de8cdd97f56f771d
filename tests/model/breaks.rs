//! Without a guard the protocol breaks, and the checker says how.
//!
//! Each test removes a guard, and names every guarantee that this breaks in a small world and the number of
//! steps of the shortest way there (so that `docs/explanation/model.md`, which has the same numbers, stays true). The
//! ways themselves are printed: `cargo test --test model breaks -- --nocapture --test-threads 1`.
//!
//! At the end are the guards that no guarantee needs.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use crate::{
    bounds::{Bounds, Explore},
    guarantees::{
        G1, G2_AT_REST, G2_IN_THE_END, G2_OUTBOX, G3, G4, G5_FACTS, G5_OUTBOX, G5_RECEIVER, G6, G7, G8_APART,
        G8_FORWARD, G10,
    },
    guards::{Fence, Guards},
    holds::holds,
    protocol::{Action, Protocol},
    state::State,
    words,
};

/// Small, so that a way through it is easy to follow.
pub(crate) const WORLD: Bounds = Bounds { asks_again: false, late_callbacks: false, ..Bounds::SMALL };
const TWO_CALLERS: Bounds = Bounds { callers: 2, events: 0, ..WORLD };

#[test]
fn without_the_window_condition_a_second_sync_wins() {
    let guards = Guards { window_condition: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G1, 2), (G8_APART, 2), (G8_FORWARD, 2)]);
}

#[test]
fn without_the_condition_in_the_write_two_syncs_find_the_window_open() {
    let guards = Guards { check_and_write_are_one: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G1, 4), (G8_APART, 4), (G8_FORWARD, 4)]);
}

#[test]
fn without_the_outbox_in_the_claim_a_crash_loses_the_notification() {
    let guards = Guards { outbox_is_filled_by_the_claim: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G2_AT_REST, 2), (G2_IN_THE_END, 2), (G2_OUTBOX, 1)]);
}

#[test]
fn without_due_at_over_all_pending_a_service_is_forgotten() {
    let guards = Guards { due_at_is_over_all_pending: false, ..Guards::ALL };
    let world = Bounds { services: 2, events: 0, uneven_backoff: true, ..WORLD };
    breaks(&guards, &world, &[(G2_AT_REST, 6), (G2_IN_THE_END, 3), (G2_OUTBOX, 6), (G7, 6)]);
}

/// A replay would hide it: the SDK's own second try has the caller's correlation id, too.
#[test]
fn without_recognising_itself_a_claim_is_refused_because_of_itself() {
    let guards = Guards { own_claim_is_recognised: false, replays: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G3, 2)]);
}

#[test]
fn without_a_durable_claim_a_204_is_false() {
    let guards = Guards { claim_is_durable_before_204: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G4, 1)]);
}

#[test]
fn without_the_correlation_id_a_replay_is_false() {
    let guards = Guards { replay_needs_same_id: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G4, 2)]);
}

#[test]
fn without_the_caller_a_replay_is_false() {
    let guards = Guards { replay_needs_same_caller: false, ..Guards::ALL };
    breaks(&guards, &Bounds { callers: 3, ..TWO_CALLERS }, &[(G4, 2)]);
}

#[test]
fn without_a_fence_a_late_confirmation_empties_a_newer_outbox() {
    let guards = Guards { confirm_fence: Fence::Removed, ..Guards::ALL };
    let expected = [(G2_AT_REST, 5), (G2_IN_THE_END, 2), (G2_OUTBOX, 4), (G5_OUTBOX, 4), (G7, 6)];
    breaks(&guards, &WORLD, &expected);
}

/// A fence by claim keeps newer outboxes safe. What it lets through is a confirmation of a holder whose
/// lease has passed to another, which puts settled services into `retries` and makes the item due again.
#[test]
fn with_a_fence_by_claim_the_settled_is_tried_again() {
    let guards = Guards { confirm_fence: Fence::Claim, ..Guards::ALL };
    breaks(&guards, &WORLD, &[(G7, 6)]);
    breaks(&guards, &Bounds { services: 2, events: 0, uneven_backoff: true, ..WORLD }, &[(G7, 6)]);
}

#[test]
fn without_dropping_what_is_stale_a_receiver_goes_back() {
    let guards = Guards { receiver_drops_stale: false, ..Guards::ALL };
    let expected = [(G2_AT_REST, 6), (G2_IN_THE_END, 3), (G2_OUTBOX, 5), (G5_RECEIVER, 4)];
    breaks(&guards, &WORLD, &expected);
}

#[test]
fn without_the_order_of_events_an_old_one_undoes_a_newer() {
    let guards = Guards { event_must_be_newer: false, ..Guards::ALL };
    breaks(&guards, &Bounds { callers: 0, events: 2, ..WORLD }, &[(G5_FACTS, 2)]);
}

#[test]
fn without_the_refusal_before_the_write_a_409_closes_the_window() {
    let guards = Guards { refusal_comes_before_the_write: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G6, 2), (G8_FORWARD, 2)]);
}

#[test]
fn without_giving_up_a_service_is_tried_for_ever() {
    let guards = Guards { give_up: false, ..Guards::ALL };
    breaks(&guards, &Bounds { events: 0, give_up: 3, backoff: 2, ..WORLD }, &[(G7, 19)]);
}

#[test]
fn claim_without_the_crn_condition_breaks_isolation() {
    let guards = Guards { claim_needs_the_permitted_crn: false, ..Guards::ALL };
    breaks(&guards, &TWO_CALLERS, &[(G10, 1)]);
}

#[test]
fn event_without_the_crn_condition_breaks_isolation() {
    let guards = Guards { event_needs_the_stored_crn: false, ..Guards::ALL };
    breaks(&guards, &WORLD, &[(G10, 1)]);
}

/// A redeliverer that saw the item in an index that is behind makes it due again, with nothing to tell.
#[test]
fn without_the_lease_condition_the_settled_becomes_due() {
    let guards = Guards { lease_condition: false, ..Guards::ALL };
    breaks(&guards, &Bounds { events: 0, ..WORLD }, &[(G7, 4)]);
    breaks(&guards, &Bounds { events: 0, services: 2, uneven_backoff: true, ..WORLD }, &[(G7, 4)]);
}

#[test]
fn without_a_notified_at_that_only_grows_a_clock_that_steps_back_opens_the_window() {
    let guards = Guards { notified_at_never_goes_back: false, ..Guards::ALL };
    let world = Bounds { callers: 2, steps_back: true, ..WORLD };
    breaks(&guards, &world, &[(G1, 3), (G8_APART, 3), (G8_FORWARD, 2)]);
    // While all clocks stay within the skew, two syncs stay apart all the same by true time.
    breaks(&guards, &Bounds { steps_back: false, ..world }, &[(G1, 5), (G8_FORWARD, 2)]);
}

/// What these guards save is time and calls. That a write recognises itself brings the callbacks forward by
/// a lease; a replay, that it ends, and that a lifecycle action ends it, are what the contract asks for.
#[test]
fn without_these_every_guarantee_holds() {
    let world = Bounds { explore: Explore::Nameless, ..WORLD };
    let holds = |what: &str, guards: Guards| {
        holds(what, guards.clone(), world.clone());
        holds(what, guards, Bounds { callers: 2, events: 0, ..world.clone() });
    };
    // Not with a fence by the lease alone: there an older holder could empty the claim's outbox.
    holds("without claim_takes_the_lease", Guards { claim_takes_the_lease: false, ..Guards::ALL });
    holds("without own_claim_is_recognised", Guards { own_claim_is_recognised: false, ..Guards::ALL });
    holds("without own_record_is_recognised", Guards { own_record_is_recognised: false, ..Guards::ALL });
    holds("without own_lease_is_recognised", Guards { own_lease_is_recognised: false, ..Guards::ALL });
    holds("without replays", Guards { replays: false, ..Guards::ALL });
    holds("without replay_ends", Guards { replay_ends: false, ..Guards::ALL });
    let forgets = Guards { lifecycle_forgets_the_caller: false, ..Guards::ALL };
    holds("without lifecycle_forgets_the_caller", forgets);
}

/// In this world, without these guards, just these guarantees are broken, in that many steps at best.
pub(crate) fn breaks(guards: &Guards, bounds: &Bounds, expected: &[(&'static str, usize)]) {
    let model = Protocol { bounds: bounds.clone(), guards: guards.clone() };
    let found: BTreeMap<_, _> =
        broken(&model).into_iter().map(|guarantee| (guarantee, shortest(&model, guarantee))).collect();
    for (guarantee, path) in &found {
        println!("{guarantee}\n  does not hold:\n{}", words::tell(&model, path.clone()));
    }
    let steps = |path: &Path<State, Action>| path.clone().into_actions().len();
    let found: BTreeMap<_, _> = found.iter().map(|(&guarantee, path)| (guarantee, steps(path))).collect();
    assert_eq!(found, expected.iter().copied().collect(), "what is broken, and in how many steps");

    let reduced = Protocol { bounds: Bounds { explore: Explore::Reduced, ..model.bounds }, ..model };
    if reduced.is_explored_soundly() {
        assert_eq!(broken(&reduced), found.into_keys().collect(), "what the reductions leave to be seen");
    }
}

fn broken(model: &Protocol) -> BTreeSet<&'static str> {
    let checker = model.clone().checker().spawn_bfs().join();
    let is_guarantee = |name: &&'static str| model.property(name).expectation == Expectation::Always;
    checker.discoveries().into_keys().filter(is_guarantee).collect()
}

/// The checker stops a little after it has found something: not at a shortest way, but near it.
fn shortest(model: &Protocol, guarantee: &'static str) -> Path<State, Action> {
    let any = || HasDiscoveries::AnyOf(BTreeSet::from([guarantee]));
    let mut steps = usize::MAX - 2;
    while let Some(shorter) = search(model, guarantee, any(), steps - 1) {
        steps = shorter.into_actions().len();
    }
    // With all ways of that length explored, the plainest is the one that is kept.
    search(model, guarantee, HasDiscoveries::All, steps).expect("what was found will be found again")
}

/// A way to break `guarantee`, in so many steps at most.
fn search(
    model: &Protocol,
    guarantee: &'static str,
    until: HasDiscoveries,
    most: usize,
) -> Option<Path<State, Action>> {
    // The checker counts states, one more than steps, and does not look at those of the depth it is given.
    let checker = model.clone().checker().finish_when(until).target_max_depth(most + 2);
    checker.spawn_bfs().join().discovery(guarantee)
}
