//! The protocol's guards, each of which can be removed to see what it is for.

/// What a confirmation is conditioned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// `lease` is still ours.
    Lease,
    /// `claim` is still the one that we told of.
    Claim,
    /// Both: the protocol.
    LeaseAndClaim,
    /// Nothing.
    Removed,
}

impl Fence {
    pub(crate) fn asks_for_the_lease(self) -> bool {
        matches!(self, Self::Lease | Self::LeaseAndClaim)
    }
}

/// Which guards are there. `Guards::ALL` is the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a guard to be removed by itself")]
pub(crate) struct Guards {
    /// A claim is conditioned on the window.
    pub(crate) window_condition: bool,
    /// The condition is part of the write; else the item is read first and written later.
    pub(crate) check_and_write_are_one: bool,
    /// The condition keeps the write from happening; else it is judged from what was overwritten.
    pub(crate) refusal_comes_before_the_write: bool,
    /// A refused claim that finds itself on the item has won.
    pub(crate) own_claim_is_recognised: bool,
    /// The same for the write that records a lifecycle action.
    pub(crate) own_record_is_recognised: bool,
    /// The same for the write that takes a lease.
    pub(crate) own_lease_is_recognised: bool,
    /// No 204 before the claim is known to be written.
    pub(crate) claim_is_durable_before_204: bool,
    /// A repeated request is taken for the sync that it repeats.
    pub(crate) replays: bool,
    /// A replay has the correlation id of the sync that it repeats.
    pub(crate) replay_needs_same_id: bool,
    /// A replay comes from the caller of the sync that it repeats.
    pub(crate) replay_needs_same_caller: bool,
    /// A replay is one for 10 minutes only.
    pub(crate) replay_ends: bool,
    /// The claim itself fills the outbox; else a second write does.
    pub(crate) outbox_is_filled_by_the_claim: bool,
    /// The claim takes the lease from whoever holds it.
    pub(crate) claim_takes_the_lease: bool,
    /// What a confirmation is conditioned on.
    pub(crate) confirm_fence: Fence,
    /// A confirmation sets `due_at` from all that stay pending; else only from those that it tried.
    pub(crate) due_at_is_over_all_pending: bool,
    /// A lease is conditioned on `due_at`.
    pub(crate) lease_condition: bool,
    /// A failing service is given up some day.
    pub(crate) give_up: bool,
    /// An event is recorded only if it is newer than the one known.
    pub(crate) event_must_be_newer: bool,
    /// A lifecycle action on a lagging clock takes over the item's `notified_at`.
    pub(crate) notified_at_never_goes_back: bool,
    /// A lifecycle action removes `correlation_id` and `caller`.
    pub(crate) lifecycle_forgets_the_caller: bool,
    /// A claim is conditioned on the CRN that IAM permitted.
    pub(crate) claim_needs_the_permitted_crn: bool,
    /// An event is recorded only under the stored CRN.
    pub(crate) event_needs_the_stored_crn: bool,
    /// A receiver drops what is older than what it knows.
    pub(crate) receiver_drops_stale: bool,
}

impl Guards {
    /// The protocol.
    pub(crate) const ALL: Self = Self {
        window_condition: true,
        check_and_write_are_one: true,
        refusal_comes_before_the_write: true,
        own_claim_is_recognised: true,
        own_record_is_recognised: true,
        own_lease_is_recognised: true,
        claim_is_durable_before_204: true,
        replays: true,
        replay_needs_same_id: true,
        replay_needs_same_caller: true,
        replay_ends: true,
        outbox_is_filled_by_the_claim: true,
        claim_takes_the_lease: true,
        confirm_fence: Fence::LeaseAndClaim,
        due_at_is_over_all_pending: true,
        lease_condition: true,
        give_up: true,
        event_must_be_newer: true,
        notified_at_never_goes_back: true,
        lifecycle_forgets_the_caller: true,
        claim_needs_the_permitted_crn: true,
        event_needs_the_stored_crn: true,
        receiver_drops_stale: true,
    };
}
