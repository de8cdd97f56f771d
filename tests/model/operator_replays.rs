//! An operator replays a settled notification while a redeliverer delivers it to other services.

use keysync_model::{
    bounds::{Bounds, Explore},
    guarantees::G2_REPLAY,
    guards::Guards,
};

use crate::{
    counterexamples::{WORLD, assert_violations},
    invariants::assert_guarantees_hold,
};

const REPLAYS: Bounds =
    Bounds { events: 0, services: 2, operator_replays: 1, explore: Explore::Everything, ..WORLD };

#[test]
fn confirmation_drops_replay_without_its_fence() {
    let guards = Guards { confirm_requires_latest_replay: false, ..Guards::ALL };
    assert_violations(&guards, &REPLAYS, &[(G2_REPLAY, 7)]);
}

#[test]
fn guarantees_hold_with_replays() {
    let world = Bounds { explore: Explore::Symmetric, ..REPLAYS };
    assert_guarantees_hold("operator replays", Guards::ALL, world.clone());
    assert_guarantees_hold(
        "the same with late requests",
        Guards::ALL,
        Bounds { late_requests: true, ..world.clone() },
    );
    assert_guarantees_hold(
        "the same with two redeliverers",
        Guards::ALL,
        Bounds { redeliverers: 2, ..world },
    );
}
