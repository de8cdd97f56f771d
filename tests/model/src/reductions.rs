//! Reductions of the state space that preserve every violation.
//!
//! 1. **Symmetry.** The identities of callers, redeliverers and keys, and the values of sequence
//!    numbers except their order, do not affect the protocol. States that differ only in these have
//!    the same hash: each transition of one corresponds to one of the other, and no guarantee
//!    depends on an identity.
//! 2. **Lost leases.** A process without its lease can only call its services and end, because its
//!    confirmation is rejected. So it ends immediately, with its callbacks in flight: they may
//!    arrive at any time or never. A caller ends such that it may retry.
//! 3. **Old notifications.** A receiver either has the newest notification or not, and older
//!    callbacks in flight do not change that. So the model does not store which older notification
//!    it has.
//! 4. **Lost responses** to a record or a lease. A process that does not know that its write
//!    succeeded can do no more than one that knows and is slow. A caller's lost response is kept,
//!    because it could lead to a wrong response.
//! 5. **Expired times.** A `next_at` that is not later than `due_at` has no effect, because the
//!    next lease includes that service, unless the present holder omits it and makes the item due
//!    earlier. The caller on the item has no effect once no request can be a replay of its request.
//!
//! Some reductions are sound only with certain guards in place; without these guards they are not
//! used. The tests compare the modes of exploration, for the protocol and for its variants with a
//! guard removed.

use std::cmp::Ordering;

use crate::{
    bounds::Explore,
    guards::Guards,
    protocol::Protocol,
    state::{
        CALLERS, EVENTS, History, Item, KEYS, NEVER, PROCESSES, Process, ProcessId, REDELIVERERS, SERVICES,
        State, Step, Time,
    },
};

const BYTES: usize = KEYS * (17 + 6 + 2 + 3 * SERVICES) + PROCESSES * 8 + 2;

/// A state as bytes.
pub(crate) fn bytes(state: &State) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut at = 0;
    let mut put = |byte: u8| {
        bytes[at] = byte;
        at += 1;
    };
    // An exploration's times are few ticks; the largest number stands for `NEVER`.
    let time = |time: Time| i8::try_from(time).unwrap_or(i8::MAX).cast_unsigned();
    let pid = |pid: Option<ProcessId>| pid.map_or(u8::MAX, |pid| pid.0);
    for key in 0..KEYS {
        let (item, history) = (&state.items[key], &state.history[key]);
        put(time(item.notified_at));
        put(item.sequence);
        put(item.event);
        put(pid(item.closed_by));
        put(pid(item.lease));
        put(time(item.due_at.unwrap_or(NEVER)));
        put(item.replays);
        put(time(item.replayed_at));
        for entry in &item.outbox {
            put(u8::from(entry.pending) | u8::from(entry.exhausted) << 1 | entry.attempts << 2);
            put(time(entry.next_at));
        }
        for receiver in &state.receivers[key] {
            put(receiver.last_sequence);
            receiver.in_flight.to_le_bytes().into_iter().for_each(&mut put);
        }
        put(time(history.closed_at));
        put(time(history.synced_at));
        put(item.acknowledged | u8::from(item.confirmed) << 6 | u8::from(item.checked) << 7);
        put(history.reported | u8::from(history.recorded) << 7);
        put(item.older_acknowledged | u8::from(item.purged) << 7);
        item.older.iter().chain(&history.owed).chain(&item.counted).for_each(|at| put(time(*at)));
    }
    for process in &state.processes {
        // The enum's order is its number.
        put(process.step as u8 | u8::from(process.claimed) << 4 | process.key << 5);
        put(process.sequence);
        put(process.to_notify);
        put(process.acknowledged);
        put(time(process.others_next_at));
        put(time(process.late_request));
        put(u8::from(process.checked) | process.checked_older << 1);
        put(process.replays << 2 | process.pending);
    }
    state.violations.0.to_le_bytes().into_iter().for_each(&mut put);
    bytes
}

/// A canonical form, equal for all states that differ only by symmetry.
pub(crate) fn symmetric(state: &State) -> [u8; BYTES] {
    let mut state = *state;
    rank_sequences(&mut state);
    match key_state(&state, 0).cmp(&key_state(&state, 1)) {
        Ordering::Less => sorted(state),
        Ordering::Greater => {
            swap_keys(&mut state);
            sorted(state)
        }
        Ordering::Equal => {
            let here = sorted(state);
            swap_keys(&mut state);
            here.min(sorted(state))
        }
    }
}

/// The state of a key without process identities.
fn key_state(state: &State, key: usize) -> impl Ord + use<> {
    let Item { notified_at, sequence, event, due_at, outbox, replays, .. } = state.items[key];
    let Item { acknowledged, checked, confirmed, older, .. } = state.items[key];
    let Item { older_acknowledged, counted, purged, replayed_at, .. } = state.items[key];
    let entries = outbox.map(|entry| (entry.pending, entry.exhausted, entry.attempts, entry.next_at));
    let receivers = state.receivers[key].map(|receiver| (receiver.last_sequence, receiver.in_flight));
    let History { closed_at, synced_at, reported, recorded, owed } = state.history[key];
    let deadline = (acknowledged, checked, confirmed, older, reported, recorded, owed);
    let others = (older_acknowledged, counted, purged, replayed_at);
    (
        notified_at,
        due_at,
        sequence,
        event,
        entries,
        receivers,
        closed_at,
        synced_at,
        replays,
        deadline,
        others,
    )
}

/// Replaces sequence numbers by their rank: the lowest in use becomes 0, the next 1, …
fn rank_sequences(state: &mut State) {
    for key in 0..KEYS {
        let mut used = 1_u16 << state.items[key].sequence;
        for receiver in &state.receivers[key] {
            used |= receiver.in_flight | 1 << receiver.last_sequence;
        }
        for process in state.processes.iter().filter(|process| is_at_key(**process, key)) {
            used |= 1 << process.sequence;
        }
        let rank = |sequence: u8| {
            let below = used & ((1 << sequence) - 1);
            u8::try_from(below.count_ones()).unwrap_or(u8::MAX)
        };
        state.items[key].sequence = rank(state.items[key].sequence);
        for receiver in &mut state.receivers[key] {
            receiver.last_sequence = rank(receiver.last_sequence);
            let in_flight = (0..16).filter(|sequence| receiver.in_flight & 1 << sequence != 0);
            receiver.in_flight = in_flight.map(|sequence| 1 << rank(sequence)).sum();
        }
        for process in state.processes.iter_mut().filter(|process| is_at_key(**process, key)) {
            process.sequence = rank(process.sequence);
        }
    }
}

fn is_at_key(process: Process, key: usize) -> bool {
    process.is_working() && process.key() == key
}

fn sorted(mut state: State) -> [u8; BYTES] {
    sort::<CALLERS>(&mut state, ProcessId::caller(0));
    sort::<REDELIVERERS>(&mut state, ProcessId::redeliverer(0));
    bytes(&state)
}

/// Sorts `N` interchangeable processes, starting at `first`, by their state only.
fn sort<const N: usize>(state: &mut State, first: ProcessId) {
    let start = first.index();
    let mut order: [usize; N] = std::array::from_fn(|nth| start + nth);
    order.sort_by_key(|&index| {
        let pid = ProcessId(u8::try_from(index).unwrap_or(u8::MAX));
        let held = state.items.map(|item| (item.lease == Some(pid), item.closed_by == Some(pid)));
        (state.processes[index], held)
    });
    let before = *state;
    for (nth, &index) in order.iter().enumerate() {
        state.processes[start + nth] = before.processes[index];
    }
    let mapped = |pid: Option<ProcessId>| {
        pid.map(|pid| match order.iter().position(|&index| index == pid.index()) {
            Some(nth) => ProcessId(u8::try_from(start + nth).unwrap_or(u8::MAX)),
            None => pid,
        })
    };
    for item in &mut state.items {
        item.lease = mapped(item.lease);
        item.closed_by = mapped(item.closed_by);
    }
}

fn swap_keys(state: &mut State) {
    state.items.swap(0, 1);
    state.receivers.swap(0, 1);
    state.history.swap(0, 1);
    let (one, other) = (ProcessId::lifecycle(0, 1).index(), ProcessId::lifecycle(1, 1).index());
    for nth in 0..EVENTS {
        state.processes.swap(one + nth, other + nth);
    }
    for process in state.processes.iter_mut().filter(|process| process.is_working()) {
        process.key = 1 - process.key;
    }
    for item in &mut state.items {
        item.lease = item.lease.map(|pid| {
            if (one..other).contains(&pid.index()) {
                ProcessId(pid.0 + u8::try_from(EVENTS).unwrap_or(0))
            } else if (other..other + EVENTS).contains(&pid.index()) {
                ProcessId(pid.0 - u8::try_from(EVENTS).unwrap_or(0))
            } else {
                pid
            }
        });
    }
}

impl Protocol {
    /// Whether the guards that the chosen reductions depend on are in place.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let Guards { confirm_fence, receiver_drops_stale, .. } = self.guards;
        let Guards { replay_requires_same_id, replay_requires_same_caller, .. } = self.guards;
        let symmetric = replay_requires_same_id && replay_requires_same_caller;
        // A process without its lease may still report, so reduction 2 is not used with a deadline.
        let is_plain =
            !self.bounds.late_requests && !self.bounds.has_deadline() && self.bounds.operator_replays == 0;
        let reducible = confirm_fence.requires_lease() && receiver_drops_stale && is_plain;
        match self.bounds.explore {
            Explore::Everything => true,
            Explore::Symmetric => symmetric,
            Explore::Reduced => symmetric && reducible,
        }
    }

    /// Applies reductions 2 to 5.
    pub(crate) fn reduce(&self, state: &mut State) {
        if self.bounds.explore != Explore::Reduced {
            return;
        }
        for pid in ProcessId::all() {
            self.abort_if_lease_lost(state, pid);
        }
        for key in 0..self.bounds.keys {
            Self::merge_old_deliveries(state, key);
            self.drop_caller(state, key);
        }
    }

    fn abort_if_lease_lost(&self, state: &mut State, pid: ProcessId) {
        let process = *state.process(pid);
        let key = process.key();
        if state.items[key].lease == Some(pid) {
            return;
        }
        match process.step {
            Step::Delivering => {
                for service in
                    (0..self.bounds.services).filter(|service| process.to_notify & 1 << service != 0)
                {
                    state.receivers[key][service].in_flight |= 1 << process.sequence;
                }
                self.abort(state, pid);
            }
            Step::Delivered | Step::Checked => self.abort(state, pid),
            Step::ResponseLost if Self::is_superseded(state, pid) => self.abort(state, pid),
            _ => {}
        }
    }

    fn merge_old_deliveries(state: &mut State, key: usize) {
        let item = &mut state.items[key];
        for receiver in &mut state.receivers[key] {
            if receiver.last_sequence == item.sequence {
                receiver.in_flight = 0;
            } else {
                receiver.last_sequence = 0;
                receiver.in_flight &= 1 << item.sequence;
            }
        }
        let rewritten = item.lease.map_or(u8::MAX, |holder| state.processes[holder.index()].to_notify);
        for (service, entry) in item.outbox.iter_mut().enumerate() {
            let has_come = item.due_at.is_none_or(|due_at| entry.next_at <= due_at);
            if has_come && rewritten & 1 << service != 0 {
                entry.next_at = 0;
            }
        }
    }

    fn drop_caller(&self, state: &mut State, key: usize) {
        let item = &state.items[key];
        let Some(caller) = item.closed_by else { return };
        let is_too_old = -item.notified_at > self.bounds.replay && self.guards.replay_ends;
        let is_exact = self.guards.replay_requires_same_id && self.guards.replay_requires_same_caller;
        if is_too_old || (is_exact && state.process(caller).step == Step::Done) {
            state.items[key].closed_by = None;
        }
    }
}
