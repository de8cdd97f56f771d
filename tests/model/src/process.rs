//! The steps of a process other than its writes: it calls the services, finishes or crashes. And
//! what an operator's replay does to it.

use crate::{
    guards::Fence,
    protocol::{Callback, Protocol},
    state::{Entry, NEVER, Process, ProcessId, Role, SERVICES, State, Step, Time, Violations},
};

impl Protocol {
    /// Calls the services. Receivers are independent of each other, so one step covers all of them.
    pub(crate) fn deliver(&self, state: &mut State, pid: ProcessId, callbacks: [Callback; SERVICES]) {
        let Process { to_notify, sequence, .. } = *state.process(pid);
        let key = state.process(pid).key();
        for service in (0..SERVICES).filter(|service| to_notify & 1 << service != 0) {
            match callbacks[service] {
                Callback::Acknowledged => {
                    self.receive(state, key, service, sequence);
                    state.process_mut(pid).acknowledged |= 1 << service;
                }
                Callback::InFlight => {
                    let receiver = &mut state.receivers[key][service];
                    if self.changes_receiver(receiver.last_sequence, sequence) {
                        receiver.in_flight |= 1 << sequence;
                    }
                }
                Callback::Failed => {}
            }
        }
        state.process_mut(pid).step = Step::Delivered;
    }

    /// Handles a callback as receivers must: keep the highest sequence.
    pub(crate) fn receive(&self, state: &mut State, key: usize, service: usize, sequence: u8) {
        let receiver = &mut state.receivers[key][service];
        if !self.changes_receiver(receiver.last_sequence, sequence) {
            return; // stale or duplicate
        }
        state.violations.record_if(Violations::G5_RECEIVER, sequence < receiver.last_sequence);
        receiver.last_sequence = sequence;
        for older in (0..=sequence).filter(|_| self.guards.receiver_drops_stale) {
            receiver.in_flight &= !(1 << older); // dropped on arrival
        }
    }

    fn changes_receiver(&self, last_sequence: u8, sequence: u8) -> bool {
        sequence > last_sequence || (sequence < last_sequence && !self.guards.receiver_drops_stale)
    }

    /// Ends a process successfully: a caller has its 204.
    pub(crate) fn finish(state: &mut State, pid: ProcessId) {
        let step = if matches!(pid.role(), Role::Caller(_)) { Step::Done } else { Step::Idle };
        Self::end(state, pid, Process { step, ..Process::IDLE });
    }

    /// Ends a process without success: the caller gets 502 or 503 and may retry once, the queue
    /// delivers the event again, a redeliverer starts over.
    pub(crate) fn abort(&self, state: &mut State, pid: ProcessId) {
        let process = *state.process(pid);
        let may_retry = self.bounds.retries_requests && !process.claimed;
        let left = match pid.role() {
            Role::Caller(_) if process.step == Step::HasRead => {
                Process { claimed: process.claimed, ..Process::IDLE }
            }
            Role::Caller(_) if may_retry => Process { claimed: true, ..Process::IDLE },
            Role::Caller(_) => Process { step: Step::Done, ..Process::IDLE },
            Role::Lifecycle { .. } | Role::Redeliverer(_) => Process::IDLE,
        };
        Self::end(state, pid, left);
    }

    /// Ends a process. Its lease, if any, has no holder from now on.
    fn end(state: &mut State, pid: ProcessId, left: Process) {
        let item = &mut state.items[state.processes[pid.index()].key()];
        if item.lease == Some(pid) {
            item.lease = None;
        }
        *state.process_mut(pid) = left;
    }

    /// Starts the delivery to the services in `to_notify`.
    pub(crate) fn start_delivery(state: &mut State, pid: ProcessId, to_notify: u8) {
        let process = state.process_mut(pid);
        process.to_notify = to_notify;
        process.step = if to_notify == 0 { Step::Delivered } else { Step::Delivering };
    }

    /// Remembers what the process has read of the item and writes back with its confirmation.
    /// Without replays nothing else changes the outbox meanwhile.
    pub(crate) fn remember_outbox(&self, state: &mut State, pid: ProcessId) {
        if self.bounds.operator_replays > 0 {
            let item = state.items[state.process(pid).key()];
            let pending = (0..self.bounds.services).filter(|service| item.outbox[*service].pending);
            let process = state.process_mut(pid);
            process.pending = pending.map(|service| 1 << service).sum();
            process.replays = item.replays;
        }
    }

    /// `Ledger::replay`, by an operator. A lost response needs no step: the retry changes nothing.
    pub(crate) fn replay(&self, state: &mut State, key: usize, service: usize, clock: Time) {
        let item = &mut state.items[key];
        item.replays += 1;
        if self.bounds.has_retry_limit() {
            item.replayed_at = clock;
        }
        item.outbox[service] = Entry { pending: true, ..Entry::default() };
        item.due_at = Some(clock);
    }

    /// The confirmation writes the outbox as a whole, so services that its process has not read
    /// leave it.
    pub(crate) fn drop_unread_services(&self, state: &mut State, pid: ProcessId) {
        if self.bounds.operator_replays == 0 {
            return;
        }
        let process = *state.process(pid);
        for service in (0..self.bounds.services).filter(|service| process.pending & 1 << service == 0) {
            let entry = &mut state.items[process.key()].outbox[service];
            if entry.pending {
                *entry = Entry::default();
                state.violations.record_if(Violations::G2_REPLAY, true);
            }
        }
    }

    /// Whether another write has replaced that of the process. A resent request finds out.
    #[must_use]
    pub fn is_superseded(state: &State, pid: ProcessId) -> bool {
        let process = state.process(pid);
        let item = &state.items[process.key()];
        match pid.role() {
            Role::Redeliverer(_) => item.lease != Some(pid),
            Role::Caller(_) | Role::Lifecycle { .. } => item.sequence != process.sequence,
        }
    }

    /// The confirmation's condition.
    #[must_use]
    pub fn passes_fence(&self, state: &State, pid: ProcessId) -> bool {
        let process = state.process(pid);
        let item = &state.items[process.key()];
        if self.guards.confirm_requires_latest_replay && item.replays != process.replays {
            return false;
        }
        match self.guards.confirm_fence {
            Fence::Lease => item.lease == Some(pid),
            Fence::Claim => item.sequence == process.sequence,
            Fence::LeaseAndClaim => item.lease == Some(pid) && item.sequence == process.sequence,
            Fence::Removed => true,
        }
    }

    /// All services of a key, a bit each.
    pub(crate) fn all_services(&self) -> u8 {
        (1 << self.bounds.services) - 1
    }

    /// The earliest of some instants.
    pub(crate) fn earliest(times: impl Iterator<Item = Time>) -> Time {
        times.min().unwrap_or(NEVER)
    }
}
