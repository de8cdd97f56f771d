//! Late requests: a defect that the model found in the first version of the protocol, in which the
//! condition of a confirmation was the lease alone.
//!
//! When an attempt times out, the SDK retries the request, and DynamoDB may apply the first attempt
//! after the second. For a claim, a record or a confirmation this is harmless: the condition of the
//! first attempt is false, or it writes the same values again. A lease is different. A redeliverer
//! holds the lease of an older notification by its second attempt, and a newer notification takes
//! the lease. Then the first attempt arrives. If the newer outbox is due by the clock reading of
//! that attempt, the redeliverer gets the lease of the *newer* outbox, and its confirmation of the
//! older notification passes the fence.
//!
//! This requires clocks as far apart as a lease or a backoff (which full jitter can make almost
//! zero), or a clock that steps back. A confirmation that is also conditioned on the claim prevents
//! it for any clocks.

use keysync_model::{
    bounds::{Bounds, Explore},
    guarantees::{G2_LIVENESS, G2_OUTBOX, G2_QUIESCENT, G5_OUTBOX},
    guards::{Fence, Guards},
};

use crate::{
    counterexamples::{WORLD, assert_violations},
    invariants::assert_guarantees_hold,
};

const LATE_REQUESTS: Bounds = Bounds { late_requests: true, ..WORLD };
/// Lease and backoff one tick longer than the skew.
const LONG_LEASES: Bounds = Bounds { lease: 2, backoff: 2, ..LATE_REQUESTS };

const LEASE_FENCE: Guards = Guards { confirm_fence: Fence::Lease, ..Guards::ALL };

#[test]
fn lease_fence_fails_when_skew_equals_lease() {
    let expected = [(G2_QUIESCENT, 8), (G2_LIVENESS, 5), (G2_OUTBOX, 6), (G5_OUTBOX, 6)];
    assert_violations(&LEASE_FENCE, &LATE_REQUESTS, &expected);
}

#[test]
fn lease_fence_fails_when_skew_exceeds_backoff() {
    let expected = [(G2_QUIESCENT, 10), (G2_LIVENESS, 7), (G2_OUTBOX, 9), (G5_OUTBOX, 9)];
    assert_violations(&LEASE_FENCE, &Bounds { backoff: 0, ..LONG_LEASES }, &expected);
}

#[test]
fn lease_fence_fails_when_clock_steps_back() {
    let expected = [(G2_QUIESCENT, 9), (G2_LIVENESS, 6), (G2_OUTBOX, 7), (G5_OUTBOX, 7)];
    assert_violations(&LEASE_FENCE, &Bounds { steps_back: true, ..LONG_LEASES }, &expected);
}

#[test]
fn lease_fence_holds_when_lease_exceeds_skew() {
    let world = Bounds { explore: Explore::Symmetric, ..LONG_LEASES };
    assert_guarantees_hold("late requests, lease fence, small skew", LEASE_FENCE, world.clone());
    assert_guarantees_hold(
        "the same with two redeliverers",
        LEASE_FENCE,
        Bounds { redeliverers: 2, ..world },
    );
}

#[test]
fn lease_and_claim_fence_holds() {
    let world = Bounds { explore: Explore::Symmetric, ..LATE_REQUESTS };
    assert_guarantees_hold("late requests, lease and claim fence", Guards::ALL, world.clone());
    assert_guarantees_hold(
        "the same with two redeliverers",
        Guards::ALL,
        Bounds { redeliverers: 2, ..world.clone() },
    );
    assert_guarantees_hold(
        "the same with a clock that steps back",
        Guards::ALL,
        Bounds { steps_back: true, ..world },
    );
}
