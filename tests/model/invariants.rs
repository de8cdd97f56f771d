//! The protocol keeps every guarantee in every reachable state.
//!
//! The ignored tests explore larger bounds on demand: see docs/explanation/model.md.

use std::time::Instant;

use stateright::{Checker, Model};

use keysync_model::{
    bounds::{Bounds, Explore},
    guards::Guards,
    protocol::Protocol,
    state::NEVER,
};

/// Explores every reachable state and asserts the guarantees in each.
pub(crate) fn assert_guarantees_hold(name: &str, guards: Guards, bounds: Bounds) {
    let start = Instant::now();
    let checker = Protocol { bounds, guards }.checker().threads(threads()).spawn_bfs().join();
    assert!(checker.is_done(), "{name}: some states were not explored");
    checker.assert_properties();
    println!(
        "{name}: {} states, {} steps between them, {} deep, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f32(),
    );
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn threads() -> usize {
    setting("KEYSYNC_MODEL_THREADS").and_then(|value| value.parse().ok()).unwrap_or(1)
}

const TWO_KEYS: Bounds =
    Bounds { keys: 2, callers: 3, events: 1, redeliverers: 2, explore: Explore::Reduced, ..Bounds::SMALL };

/// Two keys, three callers, lifecycle actions and two redeliverers, with any number of crashes and
/// lost responses and clocks one tick apart.
#[test]
fn two_keys_with_three_callers_keep_guarantees() {
    assert_guarantees_hold("two keys", Guards::ALL, TWO_KEYS);
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model invariants -- --ignored`"]
fn two_keys_with_two_events_keep_guarantees() {
    assert_guarantees_hold("two keys, two events each", Guards::ALL, Bounds { events: 2, ..TWO_KEYS });
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model invariants -- --ignored`"]
fn two_keys_with_two_services_keep_guarantees() {
    let two_services = Bounds { services: 2, retries_requests: false, ..TWO_KEYS };
    assert_guarantees_hold("two keys, two services each", Guards::ALL, two_services);
}

/// One key without reductions except symmetry.
const DETAIL: Bounds = Bounds { retries_requests: false, explore: Explore::Symmetric, ..Bounds::SMALL };

/// Every possible step, without reductions except symmetry: lost responses at each write, callbacks
/// that arrive after newer ones, processes that continue after losing their lease.
#[test]
fn one_key_without_reductions_keeps_guarantees() {
    assert_guarantees_hold("two callers in detail", Guards::ALL, Bounds { callers: 2, ..DETAIL });
    assert_guarantees_hold("two redeliverers in detail", Guards::ALL, Bounds { redeliverers: 2, ..DETAIL });
    assert_guarantees_hold("two services in detail", Guards::ALL, Bounds { services: 2, ..DETAIL });
    let again = Bounds { callers: 2, events: 0, retries_requests: true, ..DETAIL };
    assert_guarantees_hold("two callers that retry, in detail", Guards::ALL, again);
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model invariants -- --ignored`"]
fn three_callers_without_reductions_keep_guarantees() {
    assert_guarantees_hold("three callers in detail", Guards::ALL, Bounds { callers: 3, ..DETAIL });
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model invariants -- --ignored`"]
fn callers_and_redeliverers_without_reductions_keep_guarantees() {
    let both = Bounds { callers: 2, redeliverers: 2, ..DETAIL };
    assert_guarantees_hold("two callers and two redeliverers in detail", Guards::ALL, both);
}

/// Some services are notified and some fail, until their retries are exhausted.
#[test]
fn failing_services_are_notified_or_exhausted() {
    let failing = Bounds { keys: 1, events: 2, services: 2, retry_limit: 3, backoff: 2, ..TWO_KEYS };
    let failing = Bounds { confirms_in_parts: true, ..failing };
    assert_guarantees_hold("exhausted retries", Guards::ALL, failing.clone());
    // An immediate next attempt, which full jitter permits. The rate of redelivery, which the model
    // leaves open, then bounds the attempts, so they are not counted here.
    let immediate = Bounds { retry_limit: NEVER, backoff: 0, uneven_backoff: true, ..failing };
    assert_guarantees_hold("immediate retries", Guards::ALL, immediate);
}

/// Services that acknowledge, or do not, until the deadline (3 ticks, one more than the window).
const DEADLINE: Bounds = Bounds { callers: 1, events: 1, late_callbacks: false, deadline: 3, ..DETAIL };

#[test]
fn silent_service_is_reported_once() {
    assert_guarantees_hold("deadline", Guards::ALL, DEADLINE);
    let runs = Bounds { events: 0, redeliverers: 2, ..DEADLINE };
    assert_guarantees_hold("deadline, two redeliverers", Guards::ALL, runs);
    let services = Bounds { events: 0, services: 2, confirms_in_parts: true, ..DEADLINE };
    assert_guarantees_hold("deadline, two services", Guards::ALL, services);
}

/// Two events of a key in any order, any number of times, also on a clock that steps back.
#[test]
fn unordered_events_and_clock_steps_keep_guarantees() {
    let stepping = Bounds { keys: 1, events: 2, steps_back: true, ..TWO_KEYS };
    assert_guarantees_hold("clocks that step back", Guards::ALL, stepping.clone());
    let detail = Bounds { callers: 1, redeliverers: 1, explore: Explore::Symmetric, ..stepping };
    let detail = Bounds { retries_requests: false, late_callbacks: false, ..detail };
    assert_guarantees_hold("clocks that step back, in detail", Guards::ALL, detail);
}

/// Clocks that are further apart, with a proportionally larger window.
#[test]
fn clocks_two_ticks_apart_keep_guarantees() {
    let apart = Bounds { keys: 1, events: 2, window: 4, skew: 2, ..TWO_KEYS };
    assert_guarantees_hold("clocks two ticks apart", Guards::ALL, apart);
}

/// Verifies the reductions in configurations small enough for every mode of exploration.
#[test]
fn every_exploration_mode_gives_same_verdict() {
    for explore in [Explore::Everything, Explore::Symmetric, Explore::Reduced] {
        assert_guarantees_hold(
            &format!("one of each, {explore:?}"),
            Guards::ALL,
            Bounds { explore, ..Bounds::SMALL },
        );
        let uneven = Bounds { services: 2, uneven_backoff: true, confirms_in_parts: true, ..Bounds::SMALL };
        let uneven = Bounds { events: 0, retries_requests: false, explore, ..uneven };
        assert_guarantees_hold(&format!("two services, {explore:?}"), Guards::ALL, uneven);
    }
}
