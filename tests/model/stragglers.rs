//! Found by the model, in the protocol as it was first written down, when a confirmation asked for the lease
//! only: a request that comes too late.
//!
//! The SDK gives up a try that takes too long and sends the request again; DynamoDB may carry out the first
//! try after the second. For a claim, a record or a confirmation that is harmless: the first try finds its
//! condition false, or writes the same again. For a lease it need not be. A redeliverer holds the lease of an
//! older notification, thanks to its second try. A newer notification takes the lease away. Then the first
//! try arrives; where the newer outbox is due by the clock that this try was made on, it hands the *newer*
//! outbox to the redeliverer, whose confirmation of the older notification now passes the fence.
//!
//! It takes clocks as far apart as a lease or a backoff is long (and a backoff drawn at random may be next to
//! nothing), or one that steps back. A confirmation that is conditioned on the claim as well keeps it out,
//! whatever the clocks do.

use crate::{
    bounds::{Bounds, Explore},
    breaks::{WORLD, breaks},
    guarantees::{G2_AT_REST, G2_IN_THE_END, G2_OUTBOX, G5_OUTBOX},
    guards::{Fence, Guards},
    holds::holds,
};

const STRAGGLERS: Bounds = Bounds { stragglers: true, ..WORLD };
/// Lease and backoff a tick longer than clocks are apart.
const UNHURRIED: Bounds = Bounds { lease: 2, backoff: 2, ..STRAGGLERS };

const BY_LEASE: Guards = Guards { confirm_fence: Fence::Lease, ..Guards::ALL };

#[test]
fn a_fence_by_lease_falls_if_clocks_are_as_far_apart_as_a_lease_is_long() {
    let expected = [(G2_AT_REST, 8), (G2_IN_THE_END, 5), (G2_OUTBOX, 6), (G5_OUTBOX, 6)];
    breaks(&BY_LEASE, &STRAGGLERS, &expected);
}

#[test]
fn a_fence_by_lease_falls_if_the_next_try_comes_before_clocks_agree() {
    let expected = [(G2_AT_REST, 10), (G2_IN_THE_END, 7), (G2_OUTBOX, 9), (G5_OUTBOX, 9)];
    breaks(&BY_LEASE, &Bounds { backoff: 0, ..UNHURRIED }, &expected);
}

#[test]
fn a_fence_by_lease_falls_if_a_clock_steps_back() {
    let expected = [(G2_AT_REST, 9), (G2_IN_THE_END, 6), (G2_OUTBOX, 7), (G5_OUTBOX, 7)];
    breaks(&BY_LEASE, &Bounds { steps_back: true, ..UNHURRIED }, &expected);
}

#[test]
fn a_fence_by_lease_stands_if_lease_and_backoff_are_longer_than_that() {
    let world = Bounds { explore: Explore::Nameless, ..UNHURRIED };
    holds("stragglers, fence by lease, close clocks", BY_LEASE, world.clone());
    holds("the same with two redeliverers", BY_LEASE, Bounds { redeliverers: 2, ..world });
}

#[test]
fn a_fence_by_lease_and_claim_stands_as_the_protocol_has_it() {
    let world = Bounds { explore: Explore::Nameless, ..STRAGGLERS };
    holds("stragglers, fence by lease and claim", Guards::ALL, world.clone());
    holds("the same with two redeliverers", Guards::ALL, Bounds { redeliverers: 2, ..world.clone() });
    holds("the same with a clock that steps back", Guards::ALL, Bounds { steps_back: true, ..world });
}
