//! The writes to DynamoDB. Each is one conditional `UpdateItem`, so each is one step of the model.
//!
//! A process reads its clock before it writes. The two are one step here: a write that is under way for
//! long is, to everybody else, a write of a process whose clock lags. So the skew covers it, too.

use crate::{
    protocol::Protocol,
    state::{Broken, Entry, NEVER, Process, Role, State, Step, Time, Who},
};

impl Protocol {
    /// `Ledger::claim`.
    pub(crate) fn claim(&self, state: &mut State, who: Who, key: usize, clock: Time, answer_lost: bool) {
        let is_open = self.is_open(state, key, clock);
        let has_looked = state.process(who).step == Step::Looked;
        let is_let_in = is_open || has_looked || !self.guards.window_condition;
        if !is_let_in && self.guards.refusal_comes_before_the_write {
            self.refuse_at_first(state, who, key, clock);
            return;
        }
        let (item, history) = (state.items[key], state.history[key]);
        self.notify(state, who, key, clock, answer_lost);
        state.items[key].closed_by = Some(who);
        if !is_let_in {
            state.broken.note(Broken::G6, state.items[key] != item);
            self.fall(state, who);
            return;
        }
        let Self { bounds, .. } = self;
        state.broken.note(Broken::G1, clock - history.closed_at <= bounds.window);
        state.broken.note(Broken::G8_APART, -history.synced_at <= bounds.window - bounds.skew);
        state.history[key].synced_at = 0;
    }

    /// `Ledger::claim` where the stored CRN is not the one that IAM permitted: 404, as if there were no key.
    pub(crate) fn claim_from_another_account(&self, state: &mut State, who: Who, key: usize, clock: Time) {
        if self.guards.claim_needs_the_permitted_crn {
            return;
        }
        let item = state.items[key];
        self.claim(state, who, key, clock, false);
        state.broken.note(Broken::G10, state.items[key] != item);
    }

    /// `Ledger::record` where the stored CRN is not the event's: a malformed event.
    pub(crate) fn record_of_another_account(&self, state: &mut State, who: Who, clock: Time) {
        let Role::Lifecycle { key, .. } = who.role() else { return };
        if self.guards.event_needs_the_stored_crn {
            return;
        }
        let item = state.items[key];
        self.record(state, who, clock, false);
        state.broken.note(Broken::G10, state.items[key] != item);
    }

    fn is_open(&self, state: &State, key: usize, clock: Time) -> bool {
        state.items[key].notified_at < clock - self.bounds.window
    }

    /// What a claim and a lifecycle action have in common: they close the window and fill the outbox.
    fn notify(&self, state: &mut State, who: Who, key: usize, stamp: Time, answer_lost: bool) {
        let item = &mut state.items[key];
        let stamp = stamp.max(self.bounds.long_ago());
        state.broken.note(Broken::G8_FORWARD, stamp < item.notified_at);
        item.notified_at = stamp;
        item.sequence += 1;
        if self.guards.claim_takes_the_lease {
            item.lease = Some(who);
        }
        let filled = self.guards.outbox_is_filled_by_the_claim;
        item.outbox = Default::default();
        item.due_at = None;
        state.history[key].closed_at = state.history[key].closed_at.max(stamp);
        let process = Process {
            step: if answer_lost { Step::Unsure } else { Step::Unfilled },
            key: u8::try_from(key).unwrap_or(u8::MAX),
            sequence: state.items[key].sequence,
            claimed: state.process(who).claimed,
            ..Process::IDLE
        };
        *state.process_mut(who) = process;
        if filled {
            self.fill_outbox(state, key, stamp);
            if !answer_lost {
                Self::tell(state, who, self.everyone());
            }
        }
    }

    fn fill_outbox(&self, state: &mut State, key: usize, stamp: Time) {
        let item = &mut state.items[key];
        for entry in &mut item.outbox[..self.bounds.services] {
            *entry = Entry { pending: true, ..Entry::default() };
        }
        item.due_at = Some((stamp + self.bounds.lease).max(0));
    }

    /// The window is closed: this is a replay (204), or too early (409). Neither leaves a trace, so that
    /// the caller may ask as often as it likes.
    fn refuse_at_first(&self, state: &mut State, who: Who, key: usize, clock: Time) {
        let age = clock - state.items[key].notified_at;
        if self.is_repeated(state, who, key, age) {
            let durable = state.process(who).claimed;
            state.broken.note(Broken::G4, !durable);
        }
    }

    /// `is_repeated` in `claim.rs`. Of the callers, 0 and 1 are the same person with two correlation ids, and
    /// 2 is another one who happens to use the same correlation id as 0.
    fn is_repeated(&self, state: &State, who: Who, key: usize, age: Time) -> bool {
        let Some(closed_by) = state.items[key].closed_by.filter(|_| self.guards.replays) else {
            return false;
        };
        let id = |caller: Who| caller == Who::caller(1);
        let person = |caller: Who| caller == Who::caller(2);
        let same_id = id(closed_by) == id(who) || !self.guards.replay_needs_same_id;
        let same_person = person(closed_by) == person(who) || !self.guards.replay_needs_same_caller;
        same_id && same_person && (age <= self.bounds.replay || !self.guards.replay_ends)
    }

    /// The claim is lost on its way, again and again: a 503, and nothing has happened.
    pub(crate) fn vanish(&self, state: &mut State, who: Who) {
        if !self.guards.claim_is_durable_before_204 {
            let durable = state.process(who).claimed;
            state.broken.note(Broken::G4, !durable);
            Self::finish(state, who);
        }
    }

    /// The item is read; the claim that follows will not ask again.
    pub(crate) fn look(&self, state: &mut State, who: Who, key: usize, clock: Time) {
        if self.is_open(state, key, clock) {
            let process = state.process_mut(who);
            process.step = Step::Looked;
            process.key = u8::try_from(key).unwrap_or(u8::MAX);
        }
    }

    /// `Ledger::record`. Its two tries, the second with the item's own `notified_at`, are one step: between
    /// them the item changes only by what makes the second fail, and the queue gives the event again.
    pub(crate) fn record(&self, state: &mut State, who: Who, clock: Time, answer_lost: bool) {
        let Role::Lifecycle { key, event } = who.role() else { return };
        let item = &mut state.items[key];
        if event <= item.event && self.guards.event_must_be_newer {
            return; // stale
        }
        state.broken.note(Broken::G5_FACTS, event < item.event);
        item.event = event;
        if self.guards.lifecycle_forgets_the_caller {
            item.closed_by = None;
        }
        let stamp = if self.guards.notified_at_never_goes_back { clock.max(item.notified_at) } else { clock };
        self.notify(state, who, key, stamp, answer_lost);
    }

    /// `Ledger::lease`.
    pub(crate) fn lease(&self, state: &mut State, who: Who, key: usize, clock: Time, answer_lost: bool) {
        let item = &mut state.items[key];
        let is_due = item.due_at.is_some_and(|due_at| due_at <= clock);
        if !is_due && self.guards.lease_condition {
            return;
        }
        item.lease = Some(who);
        item.due_at = Some(clock + self.bounds.lease);
        let item = *item;
        let pending = |service: &usize| item.outbox[*service].pending;
        let is_to_try = |service: &usize| item.outbox[*service].next_at <= clock;
        let services = || (0..self.bounds.services).filter(pending);
        let todo = services().filter(is_to_try).map(|service| 1 << service).sum();
        let others = services().filter(|service| !is_to_try(service));
        *state.process_mut(who) = Process {
            key: u8::try_from(key).unwrap_or(u8::MAX),
            sequence: item.sequence,
            others_next_at: Self::earliest(others.map(|service| item.outbox[service].next_at)),
            ..Process::IDLE
        };
        Self::tell(state, who, todo);
        if answer_lost {
            state.process_mut(who).step = Step::Unsure;
        }
    }

    /// An earlier try of a lease request is taken by DynamoDB for what it is: a request whose condition holds
    /// or does not. Once its process has ended this is no more than a lease whose holder dies.
    pub(crate) fn straggle(&self, state: &mut State, who: Who) {
        let process = state.process_mut(who);
        let clock = std::mem::replace(&mut process.straggler, NEVER);
        let item = &mut state.items[usize::from(process.key)];
        if item.due_at.is_some_and(|due_at| due_at <= clock) {
            item.lease = Some(who);
            item.due_at = Some(clock + self.bounds.lease);
        }
    }

    /// The SDK sends a write again whose answer was lost. Its condition does not hold, because of the first
    /// time or of what came since; `ALL_OLD` tells which.
    pub(crate) fn resend(&self, state: &mut State, who: Who) {
        let process = *state.process(who);
        let key = process.key();
        let is_recognised = match who.role() {
            Role::Caller(_) => self.guards.own_claim_is_recognised,
            Role::Lifecycle { .. } => self.guards.own_record_is_recognised,
            Role::Redeliverer(_) => self.guards.own_lease_is_recognised,
        };
        let is_replaced = Self::finds_itself_replaced(state, who);
        if is_recognised && !is_replaced {
            self.go_on(state, who);
            return;
        }
        if matches!(who.role(), Role::Caller(_)) {
            // The request carries the clock reading that is on the item if the claim is still its own.
            if !is_replaced && self.is_repeated(state, who, key, 0) {
                Self::finish(state, who); // 204
                return;
            }
            state.broken.note(Broken::G3, !is_replaced);
        }
        self.fall(state, who);
    }

    /// The first try got through after all.
    fn go_on(&self, state: &mut State, who: Who) {
        let process = *state.process(who);
        match who.role() {
            Role::Redeliverer(_) => Self::tell(state, who, process.todo),
            Role::Caller(_) | Role::Lifecycle { .. } if self.guards.outbox_is_filled_by_the_claim => {
                let outbox = state.items[process.key()].outbox;
                let pending = (0..self.bounds.services).filter(|&service| outbox[service].pending);
                Self::tell(state, who, pending.map(|service| 1 << service).sum());
            }
            Role::Caller(_) | Role::Lifecycle { .. } => state.process_mut(who).step = Step::Unfilled,
        }
    }

    /// The second write of a claim that does not fill the outbox itself.
    pub(crate) fn fill(&self, state: &mut State, who: Who, clock: Time) {
        let process = *state.process(who);
        if state.items[process.key()].sequence == process.sequence {
            self.fill_outbox(state, process.key(), clock);
        }
        Self::tell(state, who, self.everyone());
    }

    /// `Ledger::confirm`. A lost answer needs no step: the second time writes the same.
    pub(crate) fn confirm(&self, state: &mut State, who: Who, clock: Time, later: u8) {
        if self.passes_the_fence(state, who) {
            let Process { key, todo, others_next_at, .. } = *state.process(who);
            let next_at = self.settle(state, who, todo, clock, later);
            let others = if self.guards.due_at_is_over_all_pending { others_next_at } else { NEVER };
            let due_at = next_at.min(others);
            state.items[usize::from(key)].due_at = (due_at != NEVER).then_some(due_at);
        }
        Self::finish(state, who);
    }

    /// `confirm_part`: one of several writes, not the last.
    pub(crate) fn confirm_part(&self, state: &mut State, who: Who, clock: Time) {
        if !self.passes_the_fence(state, who) {
            Self::finish(state, who);
            return;
        }
        let part = 1;
        let next_at = self.settle(state, who, part, clock, 0);
        let process = state.process_mut(who);
        process.todo &= !part;
        process.acknowledged &= !part;
        process.others_next_at = process.others_next_at.min(next_at);
    }

    /// Settles `services`, and says when the first of them is to be tried again.
    fn settle(&self, state: &mut State, who: Who, services: u8, clock: Time, later: u8) -> Time {
        let process = *state.process(who);
        let item = &mut state.items[process.key()];
        state.broken.note(Broken::G5_OUTBOX, item.sequence != process.sequence);
        let is_given_up =
            self.guards.give_up && self.bounds.gives_up() && clock - item.notified_at >= self.bounds.give_up;
        let mut earliest = NEVER;
        for service in (0..self.bounds.services).filter(|service| services & 1 << service != 0) {
            let entry = &mut item.outbox[service];
            if process.acknowledged & 1 << service != 0 {
                *entry = Entry::default();
            } else if is_given_up {
                *entry = Entry { given_up: true, ..Entry::default() };
            } else {
                state.broken.note(Broken::G7, !entry.pending); // a retry of what is settled
                entry.next_at = clock + self.bounds.backoff + Time::from(later & 1 << service != 0);
                if self.bounds.gives_up() {
                    entry.attempts = (entry.attempts + 1).min(self.bounds.most_attempts() + 1);
                }
                earliest = earliest.min(entry.next_at);
            }
        }
        earliest
    }
}
