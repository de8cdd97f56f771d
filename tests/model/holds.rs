//! The protocol keeps every guarantee in every state.
//!
//! Wider bounds are explored by the tests that are ignored, on demand: see docs/explanation/model.md.

use std::time::Instant;

use stateright::{Checker, Model};

use crate::{
    bounds::{Bounds, Explore},
    guards::Guards,
    protocol::Protocol,
    state::NEVER,
};

/// Explores all there is and holds the guarantees against it.
pub(crate) fn holds(what: &str, guards: Guards, bounds: Bounds) {
    let start = Instant::now();
    let checker = Protocol { bounds, guards }.checker().threads(threads()).spawn_bfs().join();
    assert!(checker.is_done(), "{what}: some states were not explored");
    checker.assert_properties();
    println!(
        "{what}: {} states, {} steps between them, {} deep, {:.1} s",
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

const ALL_OF_IT: Bounds =
    Bounds { keys: 2, callers: 3, events: 1, redeliverers: 2, explore: Explore::Reduced, ..Bounds::SMALL };

/// Two keys, three callers, lifecycle actions, two redeliverers; crashes and lost answers without number,
/// clocks a tick apart.
#[test]
fn two_keys_three_callers_lifecycle_actions_and_two_redeliverers() {
    holds("two keys", Guards::ALL, ALL_OF_IT);
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model holds -- --ignored`"]
fn two_keys_with_two_events_each() {
    holds("two keys, two events each", Guards::ALL, Bounds { events: 2, ..ALL_OF_IT });
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model holds -- --ignored`"]
fn two_keys_with_two_services_each() {
    let two_services = Bounds { services: 2, asks_again: false, ..ALL_OF_IT };
    holds("two keys, two services each", Guards::ALL, two_services);
}

/// One key, with nothing taken for the same but names.
const DETAIL: Bounds = Bounds { asks_again: false, explore: Explore::Nameless, ..Bounds::SMALL };

/// Every step there is, with nothing taken for the same but names: answers lost at each write, callbacks in
/// flight past newer ones, overtaken processes that go on.
#[test]
fn one_key_in_every_detail() {
    holds("two callers in detail", Guards::ALL, Bounds { callers: 2, ..DETAIL });
    holds("two redeliverers in detail", Guards::ALL, Bounds { redeliverers: 2, ..DETAIL });
    holds("two services in detail", Guards::ALL, Bounds { services: 2, ..DETAIL });
    let again = Bounds { callers: 2, events: 0, asks_again: true, ..DETAIL };
    holds("two callers who ask again, in detail", Guards::ALL, again);
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model holds -- --ignored`"]
fn three_callers_in_detail() {
    holds("three callers in detail", Guards::ALL, Bounds { callers: 3, ..DETAIL });
}

#[test]
#[ignore = "takes minutes: run `cargo test --release -p keysync-model holds -- --ignored`"]
fn two_callers_and_two_redeliverers_in_detail() {
    let both = Bounds { callers: 2, redeliverers: 2, ..DETAIL };
    holds("two callers and two redeliverers in detail", Guards::ALL, both);
}

/// Some services are told and some fail, until they are given up.
#[test]
fn services_that_fail_are_told_later_or_given_up() {
    let failing = Bounds { keys: 1, events: 2, services: 2, give_up: 3, backoff: 2, ..ALL_OF_IT };
    holds("services given up", Guards::ALL, failing.clone());
    // A next try at once, as a backoff drawn at random may have it. What bounds the attempts is then the
    // pace of redelivery, which the model leaves open; so they are not counted here.
    let at_once =
        Bounds { give_up: NEVER, backoff: 0, uneven_backoff: true, confirms_in_parts: true, ..failing };
    holds("services tried again at once", Guards::ALL, at_once);
}

/// Two events of a key in any order, any number of times, also on a clock that steps back.
#[test]
fn events_come_in_any_order_and_clocks_step_back() {
    let stepping = Bounds { keys: 1, events: 2, steps_back: true, ..ALL_OF_IT };
    holds("clocks that step back", Guards::ALL, stepping.clone());
    let detail = Bounds { callers: 1, redeliverers: 1, explore: Explore::Nameless, ..stepping };
    let detail = Bounds { asks_again: false, late_callbacks: false, ..detail };
    holds("clocks that step back, in detail", Guards::ALL, detail);
}

/// Clocks that are further apart, with a window to match.
#[test]
fn clocks_two_ticks_apart() {
    let apart = Bounds { keys: 1, events: 2, window: 4, skew: 2, ..ALL_OF_IT };
    holds("clocks two ticks apart", Guards::ALL, apart);
}

/// What `reductions.rs` claims, for a world that can be explored either way.
#[test]
fn each_way_of_exploring_comes_to_the_same_verdict() {
    for explore in [Explore::Everything, Explore::Nameless, Explore::Reduced] {
        holds(&format!("one of each, {explore:?}"), Guards::ALL, Bounds { explore, ..Bounds::SMALL });
        let uneven = Bounds { services: 2, uneven_backoff: true, confirms_in_parts: true, ..Bounds::SMALL };
        let uneven = Bounds { events: 0, asks_again: false, explore, ..uneven };
        holds(&format!("two services, {explore:?}"), Guards::ALL, uneven);
    }
}
