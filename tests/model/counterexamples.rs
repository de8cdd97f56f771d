//! Without a guard the protocol violates guarantees, and the checker finds counterexamples.
//!
//! Each test removes one guard. It lists every guarantee that this violates in a small
//! configuration, with the length of a shortest counterexample; `docs/explanation/model.md` has the
//! same numbers. To print the counterexamples: `cargo test --test model counterexamples --
//! --nocapture --test-threads 1`.
//!
//! The last test removes the guards that no guarantee depends on.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use keysync_model::{
    bounds::{Bounds, Explore},
    guarantees::{
        G1, G2_LIVENESS, G2_OUTBOX, G2_QUIESCENT, G3, G4, G5_FACTS, G5_OUTBOX, G5_RECEIVER, G6, G7, G8_APART,
        G8_FORWARD, G9_DEFERRED, G9_ONCE, G9_QUIESCENT, G10,
    },
    guards::{Fence, Guards},
    protocol::{Action, Protocol},
    state::State,
    trace_format,
};

use crate::invariants::assert_guarantees_hold;

/// Small, so that counterexamples are easy to follow.
pub(crate) const WORLD: Bounds = Bounds { retries_requests: false, late_callbacks: false, ..Bounds::SMALL };
const TWO_CALLERS: Bounds = Bounds { callers: 2, events: 0, ..WORLD };

#[test]
fn second_sync_wins_without_window_condition() {
    let guards = Guards { window_condition: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G1, 2), (G8_APART, 2), (G8_FORWARD, 2)]);
}

#[test]
fn two_syncs_win_without_atomic_check() {
    let guards = Guards { check_is_atomic_with_write: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G1, 4), (G8_APART, 4), (G8_FORWARD, 4)]);
}

#[test]
fn crash_loses_notification_without_outbox_in_claim() {
    let guards = Guards { claim_fills_outbox: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G2_QUIESCENT, 2), (G2_LIVENESS, 2), (G2_OUTBOX, 1)]);
}

#[test]
fn service_is_forgotten_unless_due_at_covers_all() {
    let guards = Guards { due_at_covers_all_pending: false, ..Guards::ALL };
    let world = Bounds { services: 2, events: 0, uneven_backoff: true, ..WORLD };
    assert_violations(&guards, &world, &[(G2_QUIESCENT, 6), (G2_LIVENESS, 3), (G2_OUTBOX, 6), (G7, 6)]);
}

/// Replays would hide the violation, because the SDK's retry has the caller's correlation id as
/// well.
#[test]
fn claim_rejects_itself_without_recognition() {
    let guards = Guards { own_claim_is_recognised: false, replays: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G3, 2)]);
}

#[test]
fn sync_gets_false_204_without_durable_claim() {
    let guards = Guards { claim_is_durable_before_204: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G4, 1)]);
}

#[test]
fn replay_is_false_without_correlation_id_check() {
    let guards = Guards { replay_requires_same_id: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G4, 2)]);
}

#[test]
fn replay_is_false_without_caller_check() {
    let guards = Guards { replay_requires_same_caller: false, ..Guards::ALL };
    assert_violations(&guards, &Bounds { callers: 3, ..TWO_CALLERS }, &[(G4, 2)]);
}

#[test]
fn late_confirmation_empties_newer_outbox_without_fence() {
    let guards = Guards { confirm_fence: Fence::Removed, ..Guards::ALL };
    let expected = [(G2_QUIESCENT, 5), (G2_LIVENESS, 2), (G2_OUTBOX, 4), (G5_OUTBOX, 4), (G7, 6)];
    assert_violations(&guards, &WORLD, &expected);
}

/// A fence on the claim alone protects newer outboxes. It admits the confirmation of a former lease
/// holder, which adds settled services to `retries` and makes the item due again.
#[test]
fn settled_service_is_retried_with_claim_fence() {
    let guards = Guards { confirm_fence: Fence::Claim, ..Guards::ALL };
    assert_violations(&guards, &WORLD, &[(G7, 6)]);
    assert_violations(&guards, &Bounds { services: 2, events: 0, uneven_backoff: true, ..WORLD }, &[(G7, 6)]);
}

#[test]
fn receiver_regresses_without_dropping_stale_callbacks() {
    let guards = Guards { receiver_drops_stale: false, ..Guards::ALL };
    let expected = [(G2_QUIESCENT, 6), (G2_LIVENESS, 3), (G2_OUTBOX, 5), (G5_RECEIVER, 4)];
    assert_violations(&guards, &WORLD, &expected);
}

#[test]
fn old_event_undoes_newer_without_event_order() {
    let guards = Guards { event_must_be_newer: false, ..Guards::ALL };
    assert_violations(&guards, &Bounds { callers: 0, events: 2, ..WORLD }, &[(G5_FACTS, 2)]);
}

#[test]
fn rejected_sync_closes_window_if_written_first() {
    let guards = Guards { rejection_precedes_write: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G6, 2), (G8_FORWARD, 2)]);
}

#[test]
fn service_is_retried_forever_without_retry_limit() {
    let guards = Guards { retries_are_limited: false, ..Guards::ALL };
    assert_violations(&guards, &Bounds { events: 0, retry_limit: 3, backoff: 2, ..WORLD }, &[(G7, 19)]);
}

#[test]
fn claim_without_crn_condition_violates_isolation() {
    let guards = Guards { claim_requires_permitted_crn: false, ..Guards::ALL };
    assert_violations(&guards, &TWO_CALLERS, &[(G10, 1)]);
}

#[test]
fn event_without_crn_condition_violates_isolation() {
    let guards = Guards { event_requires_stored_crn: false, ..Guards::ALL };
    assert_violations(&guards, &WORLD, &[(G10, 1)]);
}

/// A redeliverer that found the item in a stale index makes it due again with nothing to deliver.
#[test]
fn settled_item_becomes_due_without_lease_condition() {
    let guards = Guards { lease_condition: false, ..Guards::ALL };
    assert_violations(&guards, &Bounds { events: 0, ..WORLD }, &[(G7, 4)]);
    assert_violations(&guards, &Bounds { events: 0, services: 2, uneven_backoff: true, ..WORLD }, &[(G7, 4)]);
}

#[test]
fn clock_step_back_opens_window_without_monotonic_timestamp() {
    let guards = Guards { notified_at_is_monotonic: false, ..Guards::ALL };
    let world = Bounds { callers: 2, steps_back: true, ..WORLD };
    assert_violations(&guards, &world, &[(G1, 3), (G8_APART, 3), (G8_FORWARD, 2)]);
    // While all clocks stay within the skew, two syncs still stay apart in true time.
    assert_violations(&guards, &Bounds { steps_back: false, ..world }, &[(G1, 5), (G8_FORWARD, 2)]);
}

const DEADLINE: Bounds = Bounds { events: 0, deadline: 3, explore: Explore::Symmetric, ..WORLD };

#[test]
fn silent_service_is_missed_if_item_leaves_index() {
    let guards = Guards { item_is_due_until_checked: false, ..Guards::ALL };
    assert_violations(&guards, &DEADLINE, &[(G7, 3), (G9_DEFERRED, 3), (G9_QUIESCENT, 3)]);
}

#[test]
fn newer_notification_defers_deadline_if_not_kept() {
    let guards = Guards { older_deadline_is_kept: false, ..Guards::ALL };
    assert_violations(&guards, &Bounds { events: 1, ..DEADLINE }, &[(G9_DEFERRED, 6)]);
}

#[test]
fn crash_loses_finding_if_recorded_before_report() {
    let guards = Guards { reports_precede_record: false, ..Guards::ALL };
    assert_violations(&guards, &DEADLINE, &[(G9_DEFERRED, 8), (G9_QUIESCENT, 10)]);
}

#[test]
fn retried_service_is_reported_again_if_checked_again() {
    let guards = Guards { check_is_made_once: false, ..Guards::ALL };
    assert_violations(&guards, &DEADLINE, &[(G9_ONCE, 11)]);
}

/// These guards save time and calls, or implement the API. A write that recognises itself saves
/// waiting for a lease. The API specifies replays, their limit of ten minutes, and that a lifecycle
/// action ends them.
#[test]
fn guarantees_hold_without_optional_guards() {
    let world = Bounds { explore: Explore::Symmetric, ..WORLD };
    let check = |name: &str, guards: Guards| {
        assert_guarantees_hold(name, guards.clone(), world.clone());
        assert_guarantees_hold(name, guards, Bounds { callers: 2, events: 0, ..world.clone() });
    };
    // A fence on the lease alone would need this guard: an older holder could empty the claim's
    // outbox.
    check("without claim_takes_lease", Guards { claim_takes_lease: false, ..Guards::ALL });
    check("without own_claim_is_recognised", Guards { own_claim_is_recognised: false, ..Guards::ALL });
    check("without own_record_is_recognised", Guards { own_record_is_recognised: false, ..Guards::ALL });
    check("without own_lease_is_recognised", Guards { own_lease_is_recognised: false, ..Guards::ALL });
    check("without replays", Guards { replays: false, ..Guards::ALL });
    check("without replay_ends", Guards { replay_ends: false, ..Guards::ALL });
    let keeps_caller = Guards { lifecycle_clears_caller: false, ..Guards::ALL };
    check("without lifecycle_clears_caller", keeps_caller);
}

/// Asserts that exactly these guarantees are violated, with shortest counterexamples of these
/// lengths.
pub(crate) fn assert_violations(guards: &Guards, bounds: &Bounds, expected: &[(&'static str, usize)]) {
    let model = Protocol { bounds: bounds.clone(), guards: guards.clone() };
    let found: BTreeMap<_, _> =
        violated(&model).into_iter().map(|guarantee| (guarantee, shortest(&model, guarantee))).collect();
    for (guarantee, path) in &found {
        println!("{guarantee}\n  is violated:\n{}", trace_format::format(&model, path.clone()));
    }
    let steps = |path: &Path<State, Action>| path.clone().into_actions().len();
    let found: BTreeMap<_, _> = found.iter().map(|(&guarantee, path)| (guarantee, steps(path))).collect();
    assert_eq!(found, expected.iter().copied().collect(), "violated guarantees and counterexample lengths");

    let reduced = Protocol { bounds: Bounds { explore: Explore::Reduced, ..model.bounds }, ..model };
    if reduced.is_sound() {
        assert_eq!(violated(&reduced), found.into_keys().collect(), "the reductions hide a violation");
    }
}

fn violated(model: &Protocol) -> BTreeSet<&'static str> {
    let checker = model.clone().checker().spawn_bfs().join();
    let is_guarantee = |name: &&'static str| model.property(name).expectation == Expectation::Always;
    checker.discoveries().into_keys().filter(is_guarantee).collect()
}

/// The checker stops soon after its first counterexample, which need not be a shortest one. So this
/// searches again with a smaller depth until nothing is found.
fn shortest(model: &Protocol, guarantee: &'static str) -> Path<State, Action> {
    let any = || HasDiscoveries::AnyOf(BTreeSet::from([guarantee]));
    let mut steps = usize::MAX - 2;
    while let Some(shorter) = search(model, guarantee, any(), steps - 1) {
        steps = shorter.into_actions().len();
    }
    // With all paths of that length explored, the checker keeps the simplest one.
    search(model, guarantee, HasDiscoveries::All, steps)
        .expect("the same search finds the counterexample again")
}

/// Searches for a counterexample to `guarantee` with at most `most` steps.
fn search(
    model: &Protocol,
    guarantee: &'static str,
    until: HasDiscoveries,
    most: usize,
) -> Option<Path<State, Action>> {
    // The checker counts states, one more than steps, and excludes the maximum depth itself.
    let checker = model.clone().checker().finish_when(until).target_max_depth(most + 2);
    checker.spawn_bfs().join().discovery(guarantee)
}
