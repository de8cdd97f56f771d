//! What keeps the number of states down without leaving anything out.
//!
//! 1. **Names.** Which caller is which, which redeliverer, which key, and how large sequence numbers are
//!    (only their order matters) makes no difference to the protocol: states that are equal but for that
//!    hash alike. Each transition of one has its like in the other, and no guarantee asks for a name.
//! 2. **The overtaken.** A process that has lost its lease can do two things yet: call its services, and end
//!    (its confirmation is refused). So it ends at once, and its callbacks are in flight from then on,
//!    to arrive at any time or never. Of a caller, "ends" is the case in which it may ask again.
//! 3. **The old.** What a receiver knows is either the newest notification or not; callbacks of older ones
//!    in flight change nothing about that. Which older one it knows is forgotten.
//! 4. **Lost answers** to a record or a lease. A process that does not know of its success, and one that
//!    knows and is slow to act on it, can do the same things, but for the first doing less. (A caller's lost
//!    answer is kept: there a wrong answer could come of it.)
//! 5. A `next_at` that will have come when the item is due decides nothing: whoever takes the lease tries
//!    that service. (Not so if the present holder leaves it out: it may make the item due earlier.) Nor does
//!    the caller on the item decide anything once no request can be a replay of it.
//!
//! Some of this holds only while the guards stand that make it true: whoever removes one explores without.
//! The tests hold the ways of exploring against each other, for the protocol and for what is broken in it.

use std::cmp::Ordering;

use crate::{
    bounds::Explore,
    guards::Guards,
    protocol::Protocol,
    state::{
        CALLERS, EVENTS, History, Item, KEYS, NEVER, PROCESSES, Process, REDELIVERERS, State, Step, Who,
    },
};

const BYTES: usize = KEYS * (14 + 6) + PROCESSES * 6 + 2;

/// A state, byte by byte.
pub(crate) fn bytes(state: &State) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut at = 0;
    let mut put = |byte: u8| {
        bytes[at] = byte;
        at += 1;
    };
    let who = |who: Option<Who>| who.map_or(u8::MAX, |who| who.0);
    for key in 0..KEYS {
        let (item, history) = (&state.items[key], &state.history[key]);
        put(item.notified_at.cast_unsigned());
        put(item.sequence);
        put(item.event);
        put(who(item.closed_by));
        put(who(item.lease));
        put(item.due_at.unwrap_or(NEVER).cast_unsigned());
        for entry in &item.outbox {
            put(u8::from(entry.pending) | u8::from(entry.given_up) << 1 | entry.attempts << 2);
            put(entry.next_at.cast_unsigned());
        }
        for receiver in &state.receivers[key] {
            put(receiver.knows);
            receiver.in_flight.to_le_bytes().into_iter().for_each(&mut put);
        }
        put(history.closed_at.cast_unsigned());
        put(history.synced_at.cast_unsigned());
    }
    for process in &state.processes {
        // The enum's order is its number.
        put(process.step as u8 | u8::from(process.claimed) << 3 | process.key << 4);
        put(process.sequence);
        put(process.todo);
        put(process.acknowledged);
        put(process.others_next_at.cast_unsigned());
        put(process.straggler.cast_unsigned());
    }
    state.broken.0.to_le_bytes().into_iter().for_each(&mut put);
    bytes
}

/// The same for all states that differ in names only.
pub(crate) fn nameless(state: &State) -> [u8; BYTES] {
    let mut state = *state;
    rank_sequences(&mut state);
    match look(&state, 0).cmp(&look(&state, 1)) {
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

/// What a key looks like, but for the names on it.
fn look(state: &State, key: usize) -> impl Ord + use<> {
    let Item { notified_at, sequence, event, due_at, outbox, .. } = state.items[key];
    let entries = outbox.map(|entry| (entry.pending, entry.given_up, entry.attempts, entry.next_at));
    let receivers = state.receivers[key].map(|receiver| (receiver.knows, receiver.in_flight));
    let History { closed_at, synced_at } = state.history[key];
    (notified_at, due_at, sequence, event, entries, receivers, closed_at, synced_at)
}

/// Sequence numbers by rank: the lowest that anything still refers to becomes 0, the next 1, …
fn rank_sequences(state: &mut State) {
    for key in 0..KEYS {
        let mut used = 1_u16 << state.items[key].sequence;
        for receiver in &state.receivers[key] {
            used |= receiver.in_flight | 1 << receiver.knows;
        }
        for process in state.processes.iter().filter(|process| is_at(**process, key)) {
            used |= 1 << process.sequence;
        }
        let rank = |sequence: u8| {
            let below = used & ((1 << sequence) - 1);
            u8::try_from(below.count_ones()).unwrap_or(u8::MAX)
        };
        state.items[key].sequence = rank(state.items[key].sequence);
        for receiver in &mut state.receivers[key] {
            receiver.knows = rank(receiver.knows);
            let flying = (0..16).filter(|sequence| receiver.in_flight & 1 << sequence != 0);
            receiver.in_flight = flying.map(|sequence| 1 << rank(sequence)).sum();
        }
        for process in state.processes.iter_mut().filter(|process| is_at(**process, key)) {
            process.sequence = rank(process.sequence);
        }
    }
}

fn is_at(process: Process, key: usize) -> bool {
    process.is_at_work() && process.key() == key
}

fn sorted(mut state: State) -> [u8; BYTES] {
    sort::<CALLERS>(&mut state, Who::caller(0));
    sort::<REDELIVERERS>(&mut state, Who::redeliverer(0));
    bytes(&state)
}

/// Puts `N` processes that are alike, from `first` on, in an order that depends only on how they are.
fn sort<const N: usize>(state: &mut State, first: Who) {
    let start = first.index();
    let mut order: [usize; N] = std::array::from_fn(|nth| start + nth);
    order.sort_by_key(|&index| {
        let who = Who(u8::try_from(index).unwrap_or(u8::MAX));
        let held = state.items.map(|item| (item.lease == Some(who), item.closed_by == Some(who)));
        (state.processes[index], held)
    });
    let before = *state;
    for (nth, &index) in order.iter().enumerate() {
        state.processes[start + nth] = before.processes[index];
    }
    let renamed = |who: Option<Who>| {
        who.map(|who| match order.iter().position(|&index| index == who.index()) {
            Some(nth) => Who(u8::try_from(start + nth).unwrap_or(u8::MAX)),
            None => who,
        })
    };
    for item in &mut state.items {
        item.lease = renamed(item.lease);
        item.closed_by = renamed(item.closed_by);
    }
}

fn swap_keys(state: &mut State) {
    state.items.swap(0, 1);
    state.receivers.swap(0, 1);
    state.history.swap(0, 1);
    let (one, other) = (Who::lifecycle(0, 1).index(), Who::lifecycle(1, 1).index());
    for nth in 0..EVENTS {
        state.processes.swap(one + nth, other + nth);
    }
    for process in state.processes.iter_mut().filter(|process| process.is_at_work()) {
        process.key = 1 - process.key;
    }
    for item in &mut state.items {
        item.lease = item.lease.map(|who| {
            if (one..other).contains(&who.index()) {
                Who(who.0 + u8::try_from(EVENTS).unwrap_or(0))
            } else if (other..other + EVENTS).contains(&who.index()) {
                Who(who.0 - u8::try_from(EVENTS).unwrap_or(0))
            } else {
                who
            }
        });
    }
}

impl Protocol {
    /// The guards that make the reductions true are there, or the reductions are not used.
    pub(crate) fn is_explored_soundly(&self) -> bool {
        let Guards { confirm_fence, receiver_drops_stale, .. } = self.guards;
        let Guards { replay_needs_same_id, replay_needs_same_caller, .. } = self.guards;
        let nameless = replay_needs_same_id && replay_needs_same_caller;
        let reducible = confirm_fence.asks_for_the_lease() && receiver_drops_stale && !self.bounds.stragglers;
        match self.bounds.explore {
            Explore::Everything => true,
            Explore::Nameless => nameless,
            Explore::Reduced => nameless && reducible,
        }
    }

    /// Ends the overtaken, and forgets what nobody will ask for.
    pub(crate) fn tidy(&self, state: &mut State) {
        if self.bounds.explore != Explore::Reduced {
            return;
        }
        for who in Who::all() {
            self.end_if_overtaken(state, who);
        }
        for key in 0..self.bounds.keys {
            Self::forget_the_old(state, key);
            self.forget_the_caller(state, key);
        }
    }

    fn end_if_overtaken(&self, state: &mut State, who: Who) {
        let process = *state.process(who);
        let key = process.key();
        if state.items[key].lease == Some(who) {
            return;
        }
        match process.step {
            Step::Holding => {
                for service in (0..self.bounds.services).filter(|service| process.todo & 1 << service != 0) {
                    state.receivers[key][service].in_flight |= 1 << process.sequence;
                }
                self.fall(state, who);
            }
            Step::Delivered => self.fall(state, who),
            Step::Unsure if Self::finds_itself_replaced(state, who) => self.fall(state, who),
            _ => {}
        }
    }

    fn forget_the_old(state: &mut State, key: usize) {
        let item = &mut state.items[key];
        for receiver in &mut state.receivers[key] {
            if receiver.knows == item.sequence {
                receiver.in_flight = 0;
            } else {
                receiver.knows = 0;
                receiver.in_flight &= 1 << item.sequence;
            }
        }
        let rewritten = item.lease.map_or(u8::MAX, |holder| state.processes[holder.index()].todo);
        for (service, entry) in item.outbox.iter_mut().enumerate() {
            let has_come = item.due_at.is_none_or(|due_at| entry.next_at <= due_at);
            if has_come && rewritten & 1 << service != 0 {
                entry.next_at = 0;
            }
        }
    }

    fn forget_the_caller(&self, state: &mut State, key: usize) {
        let item = &state.items[key];
        let Some(caller) = item.closed_by else { return };
        let is_too_old = -item.notified_at > self.bounds.replay && self.guards.replay_ends;
        let is_exact = self.guards.replay_needs_same_id && self.guards.replay_needs_same_caller;
        if is_too_old || (is_exact && state.process(caller).step == Step::Done) {
            state.items[key].closed_by = None;
        }
    }
}
