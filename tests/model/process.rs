//! What a process does apart from its writes: it calls the services, and it ends, one way or the other.

use crate::{
    guards::Fence,
    protocol::{Callback, Protocol},
    state::{Broken, NEVER, Process, Role, SERVICES, State, Step, Time, Who},
};

impl Protocol {
    /// Calls the services. Receivers do not see each other, so one step will do for all of them.
    pub(crate) fn deliver(&self, state: &mut State, who: Who, callbacks: [Callback; SERVICES]) {
        let Process { todo, sequence, .. } = *state.process(who);
        let key = state.process(who).key();
        for service in (0..SERVICES).filter(|service| todo & 1 << service != 0) {
            match callbacks[service] {
                Callback::Acknowledged => {
                    self.receive(state, key, service, sequence);
                    state.process_mut(who).acknowledged |= 1 << service;
                }
                Callback::InFlight => {
                    let receiver = &mut state.receivers[key][service];
                    if self.would_change(receiver.knows, sequence) {
                        receiver.in_flight |= 1 << sequence;
                    }
                }
                Callback::Failed => {}
            }
        }
        state.process_mut(who).step = Step::Delivered;
    }

    /// What the contract asks of a receiver: to keep the highest sequence.
    pub(crate) fn receive(&self, state: &mut State, key: usize, service: usize, sequence: u8) {
        let receiver = &mut state.receivers[key][service];
        if !self.would_change(receiver.knows, sequence) {
            return; // stale, or a repeat
        }
        state.broken.note(Broken::G5_RECEIVER, sequence < receiver.knows);
        receiver.knows = sequence;
        for older in (0..=sequence).filter(|_| self.guards.receiver_drops_stale) {
            receiver.in_flight &= !(1 << older); // will be dropped when they arrive
        }
    }

    fn would_change(&self, knows: u8, sequence: u8) -> bool {
        sequence > knows || (sequence < knows && !self.guards.receiver_drops_stale)
    }

    /// The process has come to its end and said so: 204, or done.
    pub(crate) fn finish(state: &mut State, who: Who) {
        let step = if matches!(who.role(), Role::Caller(_)) { Step::Done } else { Step::Idle };
        Self::leave(state, who, Process { step, ..Process::IDLE });
    }

    /// The process ends without a word: the caller gets a 502 or a 503 and may ask once more, the queue
    /// gives the event again, a redeliverer starts anew.
    pub(crate) fn fall(&self, state: &mut State, who: Who) {
        let process = *state.process(who);
        let has_another_try = self.bounds.asks_again && !process.claimed;
        let left = match who.role() {
            Role::Caller(_) if process.step == Step::Looked => {
                Process { claimed: process.claimed, ..Process::IDLE }
            }
            Role::Caller(_) if has_another_try => Process { claimed: true, ..Process::IDLE },
            Role::Caller(_) => Process { step: Step::Done, ..Process::IDLE },
            Role::Lifecycle { .. } | Role::Redeliverer(_) => Process::IDLE,
        };
        Self::leave(state, who, left);
    }

    /// Whatever lease it had is nobody's from now on.
    fn leave(state: &mut State, who: Who, left: Process) {
        let item = &mut state.items[state.processes[who.index()].key()];
        if item.lease == Some(who) {
            item.lease = None;
        }
        *state.process_mut(who) = left;
    }

    /// Goes on to tell the services in `todo`.
    pub(crate) fn tell(state: &mut State, who: Who, todo: u8) {
        let process = state.process_mut(who);
        process.todo = todo;
        process.step = if todo == 0 { Step::Delivered } else { Step::Holding };
    }

    /// What a resent request would learn: somebody else's write stands where its own was.
    pub(crate) fn finds_itself_replaced(state: &State, who: Who) -> bool {
        let process = state.process(who);
        let item = &state.items[process.key()];
        match who.role() {
            Role::Redeliverer(_) => item.lease != Some(who),
            Role::Caller(_) | Role::Lifecycle { .. } => item.sequence != process.sequence,
        }
    }

    /// The confirmation's condition.
    pub(crate) fn passes_the_fence(&self, state: &State, who: Who) -> bool {
        let process = state.process(who);
        let item = &state.items[process.key()];
        match self.guards.confirm_fence {
            Fence::Lease => item.lease == Some(who),
            Fence::Claim => item.sequence == process.sequence,
            Fence::LeaseAndClaim => item.lease == Some(who) && item.sequence == process.sequence,
            Fence::Removed => true,
        }
    }

    /// All services of a key.
    pub(crate) fn everyone(&self) -> u8 {
        (1 << self.bounds.services) - 1
    }

    /// The earliest of some instants.
    pub(crate) fn earliest(times: impl Iterator<Item = Time>) -> Time {
        times.min().unwrap_or(NEVER)
    }
}
