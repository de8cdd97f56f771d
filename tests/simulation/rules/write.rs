//! Rules for every write to a key's item: what one write may change, when, and in which invocation.

use std::collections::BTreeSet;

use super::{
    DEADLINE, FAILURES_TO_OPEN, GRACE, HOUR, LEASE, MAX_ITEM_BYTES, RETRY_PERIOD, SECOND, SHARDS,
    deadlines::{acted, event_id, newly_checked, reported},
};
use crate::{
    invocation::Invocation,
    item::Item,
    key::{Claim, Holder},
    plan::{Function, SERVICES},
    world::{START, State, Violation, World},
};

/// A write to the item of a key.
pub(super) struct Write<'a> {
    world: &'a World,
    pub(super) state: &'a mut State,
    by: &'a Invocation,
    pub(super) key: usize,
    pub(super) before: &'a Item,
    pub(super) after: &'a Item,
    /// The true time.
    pub(super) now: u64,
    /// The largest difference between two clocks.
    pub(super) skew: u64,
    found: Vec<Violation>,
}

/// Checks a write by an invocation.
pub(crate) fn after_write(
    world: &World,
    state: &mut State,
    by: &Invocation,
    key: usize,
    before: Option<&Item>,
    after: &Item,
    now: u64,
) -> Vec<Violation> {
    let created = Item::default();
    let skew = world.plan.clock_difference();
    let is_new = before.is_none();
    let before = before.unwrap_or(&created);
    let mut write = Write { world, state, by, key, before, after, now, skew, found: Vec::new() };
    if !is_new {
        write.stored_facts();
    }
    if before.claim == after.claim {
        write.same_notification();
    } else {
        write.claim();
    }
    write.registrations();
    write.outbox();
    write.found
}

impl Write<'_> {
    pub(super) fn must(&mut self, holds: bool, guarantee: &'static str, description: &str) {
        if !holds {
            self.found.push(Violation { guarantee, description: description.to_owned() });
        }
    }

    /// What no write may change.
    fn stored_facts(&mut self) {
        let (before, after) = (self.before, self.after);
        self.must(before.crn == after.crn, "G10", "the key moved to another account");
        self.must(before.purged_at.is_none() || after.purged_at.is_some(), "G5", "the purge was undone");
        self.must(after.event.at >= before.event.at, "G5", "an older lifecycle action replaced a newer one");
        self.must(after.notified_at >= before.notified_at, "G8", "`notified_at` decreased");
    }

    /// A write that closed the window and filled the outbox.
    fn claim(&mut self) {
        let (before, after, now) = (self.before, self.after, self.now);
        self.must(self.by.function != Function::Redeliver, "G1", "`redeliver` claimed");
        self.must(after.sequence == before.sequence + 1, "G5", "a claim without the next sequence number");
        self.must(after.claim > before.claim, "G9", "a claim id that is not later than the one before");
        self.must(after.pending == after.services, "G2", "the outbox does not have every service");
        self.must(after.retries.is_empty(), "G5", "a claim with old retries");
        self.must(after.outcome.is_empty(), "G7", "a claim with old outcomes");
        let keeps = (&before.acknowledged, &before.deadline) == (&after.acknowledged, &after.deadline);
        self.must(keeps, "G9", "a claim changed what is acknowledged or must be");
        let lease_end = START + now + self.skew + LEASE;
        self.must(after.due_at.is_some_and(|due| due <= lease_end), "G2", "not due when the lease ends");
        let (Some(id), Some(notified_at)) = (after.claim.clone(), after.notified_at) else {
            return self.must(false, "G4", "a claim was removed");
        };
        let ahead = self.world.plan.clocks[self.by.function as usize][self.by.instance];
        let mut at = self.by.began;
        if self.by.function == Function::Sync {
            at = notified_at.saturating_add_signed(-ahead).saturating_sub(START);
            self.must(before.event == after.event, "G5", "a sync changed the lifecycle action");
            self.must(before.purged_at.is_none(), "G6", "a purged key was synchronized");
            let open = before.notified_at.is_none_or(|before| notified_at > before + HOUR);
            self.must(open, "G1", "a sync within an hour of the last notification");
            let last = self.state.keys[self.key].claims.last().map(|claim| claim.at);
            let apart = last.is_none_or(|last| at + self.skew > last + HOUR);
            let guarantee = if self.skew == 0 { "G1" } else { "G8" };
            self.must(apart, guarantee, "a sync earlier than an hour minus the difference of clocks");
        } else {
            self.must(after.event.at > before.event.at, "G5", "an older or repeated event was notified");
        }
        let correlation = self.by.request.clone();
        let (invocation, sequence) = (self.by.number, after.sequence);
        let key = &mut self.state.keys[self.key];
        key.claims.push(Claim {
            id,
            invocation,
            sequence,
            at,
            written: now,
            correlation,
            services: after.pending.keys().cloned().collect(),
            excused: BTreeSet::new(),
            is_confirmed: false,
        });
        key.holder = self.by.holder();
    }

    /// A write that keeps the notification.
    fn same_notification(&mut self) {
        let (before, after) = (self.before, self.after);
        self.must(
            (before.sequence, before.notified_at) == (after.sequence, after.notified_at),
            "G5",
            "the notification changed without a claim",
        );
        if before.event != after.event {
            let is_creation = before.event.at == 0 && after.event.action == "create";
            self.must(is_creation, "G2", "a lifecycle action without a notification");
        }
        self.new_acknowledgements();
        self.acknowledgements();
        self.contradictions();
        if before.lease != after.lease {
            return self.lease();
        }
        let results = |item: &Item| {
            let Item { pending, retries, outcome, deadline, due_at, .. } = item.clone();
            (pending, retries, outcome, deadline, due_at)
        };
        if results(before) != results(after) {
            self.confirmation();
        }
    }

    fn lease(&mut self) {
        let ahead = self.world.plan.clocks[self.by.function as usize][self.by.instance];
        let clock = (START + self.now).saturating_add_signed(ahead);
        let was_due = self.before.due_at.is_some_and(|due| due <= clock);
        self.must(was_due, "G1", "a notification was leased that is not due");
        self.must(self.before.pending == self.after.pending, "G2", "a lease changed the outbox");
        let lease_end = START + self.now + self.skew + LEASE;
        let is_due = self.after.due_at.is_some_and(|due| due <= lease_end);
        self.must(is_due, "G2", "not due when the lease ends");
        let Holder { ends, is_done, .. } = self.state.keys[self.key].holder;
        // A millisecond, because clocks have whole ones.
        let has_ended = is_done || clock + 1 >= ends;
        self.must(has_ended, "G1", "a notification was leased while an invocation holds its lease");
        self.state.keys[self.key].holder = self.by.holder();
    }

    fn confirmation(&mut self) {
        let (before, after, now) = (self.before, self.after, self.now);
        let Some(claim) = self.state.keys[self.key].claims.last().cloned() else {
            return self.must(false, "G4", "a confirmation without a claim");
        };
        if let Some(claim) = self.state.keys[self.key].claims.last_mut() {
            claim.is_confirmed = true;
        }
        let holder = &mut self.state.keys[self.key].holder;
        let holds = holder.invocation == self.by.number;
        holder.is_done |= holds;
        self.must(holds, "G5", "confirmed by an invocation that does not hold the lease");
        for service in before.pending.keys().filter(|service| !after.pending.contains_key(*service)) {
            self.left_outbox(service, &claim);
        }
        for service in after.pending.keys() {
            let attempt = (self.by.number, event_id(&self.state.keys[self.key], &claim.id, service));
            let is_refused = self.state.rejections.contains(&attempt);
            self.must(!is_refused, "G7", &format!("{service} refused the notification, and is pending"));
        }
        let added = after.pending.keys().any(|service| !before.pending.contains_key(service));
        self.must(!added, "G5", "a service was added to the outbox without a claim");
        if !after.pending.is_empty() {
            let next = |service: &String| after.retries.get(service).map_or(0, |retry| retry.next_at);
            let earliest = after.pending.keys().map(next).min();
            self.must(after.due_at <= earliest, "G2", "due later than the next attempt of a service");
        }
        for (service, retry) in &after.retries {
            let soon = retry.next_at <= START + now + self.skew + HOUR + SECOND;
            self.must(soon, "G7", &format!("{service} is retried later than in an hour"));
            let paused_until = START + self.paused_until(service, u64::MAX) + self.skew;
            let end = after.notified_at.unwrap_or(0).max(paused_until) + RETRY_PERIOD;
            self.must(retry.next_at <= end, "G7", &format!("{service} is retried after 24 hours"));
        }
        if let Some(checked) = newly_checked(before, after) {
            let notified = &checked.notification;
            let check_at = notified.at + DEADLINE + GRACE;
            self.must(START + now + self.skew >= check_at, "G9", "the deadline was checked early");
            for service in &checked.services {
                let acted = acted(self.state, &self.state.keys[self.key], service, notified, self.skew);
                self.must(acted, "G9", &format!("{service} did not act, and no finding reports it"));
            }
        }
        self.deadlines();
        self.later_deadlines(&claim);
        self.early_check();
    }

    /// A service may leave the outbox if it has the notification, refused it, or failed for 24
    /// hours.
    fn left_outbox(&mut self, service: &str, claim: &Claim) {
        let Some(outcome) = self.after.current_outcome(service).cloned() else {
            return self.must(false, "G2", &format!("{service} left the outbox without a result"));
        };
        let number = SERVICES.iter().position(|name| *name == service).unwrap_or_default();
        let responded = |status: std::ops::Range<u16>| {
            let responses = self.state.services[number].responses.get(&outcome.event_id);
            responses.is_some_and(|responses| responses.range(status).next().is_some())
        };
        let is_true = match outcome.status.as_str() {
            "delivered" => responded(200..300),
            "refused" => responded(410..411),
            "failed" => {
                let paused_until = self.paused_until(service, self.by.began);
                self.now + self.skew >= claim.at.max(paused_until) + RETRY_PERIOD
            }
            _ => false,
        };
        self.must(is_true, "G2", &format!("{service} left the outbox as {}, which is wrong", outcome.status));
        if outcome.status == "failed" {
            let is_reported = reported(self.state, &outcome.event_id, "failed");
            self.must(is_reported, "G9", &format!("retries for {service} ended, and no finding reports it"));
            // Or its circuit was open.
            let mut attempts = self.state.attempts.iter().filter(|(by, _)| *by == self.by.number);
            let of_service = attempts.clone().filter(|(_, event_id)| event_id.ends_with(service)).count();
            let is_attempted = attempts.any(|(_, event_id)| *event_id == outcome.event_id);
            self.must(
                is_attempted || of_service >= FAILURES_TO_OPEN,
                "G2",
                &format!("retries for {service} ended without a last attempt"),
            );
        }
    }

    /// The end of the last pause of the service that began before this time, or the present.
    fn paused_until(&self, service: &str, before: u64) -> u64 {
        let services = SERVICES.iter().zip(&self.state.services);
        let service = services.filter(|(name, _)| **name == service).map(|(_, service)| service).next();
        service.map_or(0, |service| service.paused_until(before, self.now))
    }

    /// What holds for the outbox after every write.
    fn outbox(&mut self) {
        let after = self.after;
        let shard = self.state.keys[self.key].crn.key.as_uuid().as_u128() % SHARDS;
        if !after.pending.is_empty() {
            let found = after.due_at.is_some() && after.due_shard.map(u128::from) == Some(shard);
            self.must(found, "G2", "a service is pending, and `redeliver` does not find the key");
        } else if after.owed().next().is_some() {
            self.must(after.due_at.is_some(), "G9", "the deadline is not checked, and the key is not found");
        }
        let bounded = after.retries.keys().all(|service| after.pending.contains_key(service));
        self.must(bounded, "G7", "a service is retried and not pending");
        self.must(after.bytes <= MAX_ITEM_BYTES, "G7", &format!("the item has {} bytes", after.bytes));
    }
}
