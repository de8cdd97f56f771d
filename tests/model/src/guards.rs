//! The guards of the protocol. Each can be removed to show its purpose.

/// The condition of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// `lease` is unchanged.
    Lease,
    /// `claim` is still the delivered one.
    Claim,
    /// Both, as in the protocol.
    LeaseAndClaim,
    /// No condition.
    Removed,
}

impl Fence {
    pub(crate) fn requires_lease(self) -> bool {
        matches!(self, Self::Lease | Self::LeaseAndClaim)
    }
}

/// The guards in place. `Guards::ALL` is the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each guard can be removed independently")]
pub struct Guards {
    /// A claim is conditioned on the window.
    pub window_condition: bool,
    /// The condition is part of the write; otherwise the item is read first and written later.
    pub check_is_atomic_with_write: bool,
    /// The condition prevents the write; otherwise it is evaluated on the overwritten item.
    pub rejection_precedes_write: bool,
    /// A rejected claim that finds its own claim on the item has succeeded.
    pub own_claim_is_recognised: bool,
    /// The same for the write that records a lifecycle action.
    pub own_record_is_recognised: bool,
    /// The same for the write that takes a lease.
    pub own_lease_is_recognised: bool,
    /// No 204 before the claim is known to be written.
    pub claim_is_durable_before_204: bool,
    /// A repeated request gets the response of the sync that it repeats.
    pub replays: bool,
    /// A replay has the correlation id of the sync that it repeats.
    pub replay_requires_same_id: bool,
    /// A replay comes from the caller of the sync that it repeats.
    pub replay_requires_same_caller: bool,
    /// Replays are limited to 10 minutes.
    pub replay_ends: bool,
    /// The claim itself fills the outbox; otherwise a second write does.
    pub claim_fills_outbox: bool,
    /// The claim takes the lease from its current holder.
    pub claim_takes_lease: bool,
    /// The condition of a confirmation.
    pub confirm_fence: Fence,
    /// A confirmation is conditioned on the operator's replay that its process has read.
    pub confirm_requires_latest_replay: bool,
    /// A confirmation sets `due_at` from all services that stay pending; otherwise only from those
    /// that it attempted.
    pub due_at_covers_all_pending: bool,
    /// A lease is conditioned on `due_at`.
    pub lease_condition: bool,
    /// The retries of a failing service are limited.
    pub retries_are_limited: bool,
    /// An event is recorded only if it is newer than the last recorded one.
    pub event_must_be_newer: bool,
    /// A lifecycle action on a lagging clock keeps the item's `notified_at`.
    pub notified_at_is_monotonic: bool,
    /// A lifecycle action removes `correlation_id` and `caller`.
    pub lifecycle_clears_caller: bool,
    /// A claim is conditioned on the CRN that IAM permitted.
    pub claim_requires_permitted_crn: bool,
    /// An event is recorded only under the stored CRN.
    pub event_requires_stored_crn: bool,
    /// A receiver drops callbacks older than its last one.
    pub receiver_drops_stale: bool,
    /// An item without pending services stays due until its deadline is checked.
    pub item_is_due_until_checked: bool,
    /// A newer notification keeps the deadline of the oldest one that a service has not
    /// acknowledged.
    pub older_deadline_is_kept: bool,
    /// Overdue services are reported before the check is recorded.
    pub reports_precede_record: bool,
    /// A recorded check is not repeated.
    pub check_is_made_once: bool,
}

impl Guards {
    /// The protocol.
    pub const ALL: Self = Self {
        window_condition: true,
        check_is_atomic_with_write: true,
        rejection_precedes_write: true,
        own_claim_is_recognised: true,
        own_record_is_recognised: true,
        own_lease_is_recognised: true,
        claim_is_durable_before_204: true,
        replays: true,
        replay_requires_same_id: true,
        replay_requires_same_caller: true,
        replay_ends: true,
        claim_fills_outbox: true,
        claim_takes_lease: true,
        confirm_fence: Fence::LeaseAndClaim,
        confirm_requires_latest_replay: true,
        due_at_covers_all_pending: true,
        lease_condition: true,
        retries_are_limited: true,
        event_must_be_newer: true,
        notified_at_is_monotonic: true,
        lifecycle_clears_caller: true,
        claim_requires_permitted_crn: true,
        event_requires_stored_crn: true,
        receiver_drops_stale: true,
        item_is_due_until_checked: true,
        older_deadline_is_kept: true,
        reports_precede_record: true,
        check_is_made_once: true,
    };
}
