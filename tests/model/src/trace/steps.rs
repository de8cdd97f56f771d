//! The model's step for each write of a trace.

use std::collections::BTreeMap;

use stateright::Model;

use super::{
    Millis, Request, Write, WriteKind,
    checker::{BOUNDS, Candidate, Checker, KEY, Next},
};
use crate::{
    bounds::Bounds,
    guards::Guards,
    protocol::{Action, Callback, Protocol},
    state::{Entry, PROCESSES, Process, ProcessId, SERVICES, State, Step, Time, Violations},
};

impl Checker {
    /// The states after `write`, or why there is none.
    pub(super) fn next(&self, candidate: &Candidate, write: &Write) -> Next {
        match &write.kind {
            WriteKind::Claim { claim, request, clock, until } => {
                let action =
                    |pid, clock, response_lost| Action::Claim { pid, key: KEY, clock, response_lost };
                match (write.applied, candidate.holders.get(claim)) {
                    (true, _) => {
                        self.notify(candidate, write, claim, (*clock, *until), ProcessId::caller(0), action)
                    }
                    (false, Some(pid)) => Ok(Self::resend(candidate, *pid)),
                    (false, None) => self.rejected_claim(candidate, request, *clock),
                }
            }
            WriteKind::Record { claim, occurred_at, clock, until } => {
                let is_newer = *occurred_at > self.item.event_at;
                let pid = ProcessId::lifecycle(KEY, if is_newer { 2 } else { 1 });
                let action = |pid, clock, response_lost| Action::Record { pid, clock, response_lost };
                let is_later = self.item.claim.as_ref() < Some(claim);
                match (write.applied, candidate.holders.get(claim)) {
                    (true, _) if !is_later => Err("its claim id is not later than the one before".to_owned()),
                    (true, _) => self.notify(candidate, write, claim, (*clock, *until), pid, action),
                    (false, Some(pid)) => Ok(Self::resend(candidate, *pid)),
                    // Otherwise the first of two attempts.
                    (false, None)
                        if !is_newer || !is_later || self.item.notified_at.is_some_and(|at| at > *clock) =>
                    {
                        Ok(vec![candidate.clone()])
                    }
                    (false, None) => Err("the action is newer and must be recorded".to_owned()),
                }
            }
            WriteKind::Lease { lease, clock, until } => self.lease(candidate, write, lease, (*clock, *until)),
            WriteKind::Confirm { claim, lease } => self.confirm(candidate, write, claim, lease),
            WriteKind::Other(_) => Ok(vec![candidate.clone()]),
        }
    }

    /// The model, with leases from `clock` to `until`.
    fn model(clock: Millis, until: Millis) -> Protocol {
        let lease = Time::try_from(until - clock).unwrap_or(Time::MAX);
        Protocol { bounds: Bounds { lease, ..BOUNDS }, guards: Guards::ALL }
    }

    /// A clock reading relative to now.
    fn ahead(&self, at: Millis) -> Time {
        Time::try_from(at - self.now).unwrap_or(Time::MAX)
    }

    /// A claim or a record that was applied.
    fn notify(
        &self,
        candidate: &Candidate,
        write: &Write,
        lease: &str,
        (clock, until): (Millis, Millis),
        pid: ProcessId,
        action: impl Fn(ProcessId, Time, bool) -> Action,
    ) -> Next {
        let mut before = candidate.state;
        end_old_notification(&mut before);
        let model = Self::model(clock, until);
        let registered = |service: &usize| {
            self.services.get(*service).is_some_and(|service| write.item.services.contains(service))
        };
        let take = |lost: &bool| {
            let mut state = model
                .next_state(&before, action(pid, self.ahead(clock), *lost))
                .ok_or("the model rejects this write: the window is closed, or a newer action is recorded")?;
            for service in (0..SERVICES).filter(|service| !registered(service)) {
                let sequence = state.items[KEY].sequence;
                state.items[KEY].outbox[service] = Entry::default();
                state.receivers[KEY][service].last_sequence = sequence;
                state.process_mut(pid).to_notify &= !(1 << service);
            }
            if state.violations != Violations::default() {
                return Err(format!("it violates a guarantee: {:?}", state.violations));
            }
            Ok(Candidate { state, holders: BTreeMap::from([(lease.to_owned(), pid)]) })
        };
        write.response.may_be_lost().iter().map(take).collect()
    }

    /// The SDK sends the request again, and the process continues, or the response to an earlier
    /// attempt arrives nevertheless.
    fn resend(candidate: &Candidate, pid: ProcessId) -> Vec<Candidate> {
        let mut next = vec![candidate.clone()];
        if candidate.state.process(pid).step == Step::ResponseLost {
            let model = Protocol { bounds: BOUNDS, guards: Guards::ALL };
            let resumed = model.next_state(&candidate.state, Action::Resend { pid });
            next.extend(resumed.map(|state| Candidate { state, holders: candidate.holders.clone() }));
        }
        next
    }

    fn rejected_claim(&self, candidate: &Candidate, request: &Request, clock: Millis) -> Next {
        let action = |response_lost| Action::Claim {
            pid: self.caller(request),
            key: KEY,
            clock: self.ahead(clock),
            response_lost,
        };
        let model = Self::model(clock, clock);
        // The model remembers no 204, so it does not expect a repeated request; but that may not
        // write anything.
        let next = model.next_state(&candidate.state, action(false)).unwrap_or(candidate.state);
        if next.items != candidate.state.items {
            return Err("the window is open, and the claim must be applied".to_owned());
        }
        Ok(vec![candidate.clone()])
    }

    /// The model's caller that has the same relation to the one who closed the window.
    fn caller(&self, request: &Request) -> ProcessId {
        ProcessId::caller(match &self.request {
            Some(closed_by) if closed_by == request => 0,
            Some(closed_by) if closed_by.caller == request.caller => 1,
            _ => 2,
        })
    }

    fn lease(
        &self,
        candidate: &Candidate,
        write: &Write,
        lease: &str,
        (clock, until): (Millis, Millis),
    ) -> Next {
        let (model, ahead) = (Self::model(clock, until), self.ahead(clock));
        let holder = candidate.holders.get(lease).copied();
        let is_due = candidate.state.items[KEY].due_at.is_some_and(|due_at| due_at <= ahead);
        let not_due = || Err("the item is not due in the model".to_owned());
        match (write.applied, holder) {
            (false, Some(pid)) => Ok(Self::resend(candidate, pid)),
            (false, None) if is_due => Err("the item is due, and the lease must be applied".to_owned()),
            (false, None) => Ok(vec![candidate.clone()]),
            (true, _) if !is_due => not_due(),
            (true, Some(pid)) => {
                let mut state = candidate.state;
                state.process_mut(pid).late_request = ahead;
                let next = model.next_state(&state, Action::DeliverLateRequest { pid });
                let next = next.map(|state| Candidate { state, holders: candidate.holders.clone() });
                Ok(next.into_iter().collect())
            }
            (true, None) => {
                let (mut holders, mut state) = (candidate.holders.clone(), candidate.state);
                let pid = free_redeliverer(&mut state, &mut holders);
                holders.insert(lease.to_owned(), pid);
                let action = |lost| Action::Lease { pid, key: KEY, clock: ahead, response_lost: lost };
                let lost = write.response.may_be_lost();
                let next = lost.iter().filter_map(|lost| model.next_state(&state, action(*lost)));
                Ok(next.map(|state| Candidate { state, holders: holders.clone() }).collect())
            }
        }
    }

    fn confirm(&self, candidate: &Candidate, write: &Write, claim: &str, lease: &str) -> Next {
        let Some(pid) = candidate.holders.get(lease).copied() else {
            // It has ended, or its notification was replaced.
            return if write.applied && write.item != self.item {
                Err("a process that has ended or lost its lease must not confirm".to_owned())
            } else {
                Ok(vec![candidate.clone()])
            };
        };
        let mut state = candidate.state;
        if !matches!(state.process(pid).step, Step::Delivering | Step::Delivered) {
            return Err("the process has no response to its claim or lease".to_owned());
        }
        let model = Protocol { bounds: BOUNDS, guards: Guards::ALL };
        if model.passes_fence(&state, pid) != write.applied {
            let must = if write.applied { "must be rejected" } else { "must be applied" };
            return Err(format!("the confirmation {must}: lease and claim decide"));
        }
        if state.process(pid).step == Step::Delivering {
            let callbacks = self.callbacks(*state.process(pid), write, claim);
            state = model.next_state(&state, Action::Deliver { pid, callbacks }).unwrap_or(state);
        }
        let next_at = std::array::from_fn(|service| {
            let next_at = self.services.get(service).and_then(|service| write.item.retries.get(service));
            next_at.map_or(0, |at| self.ahead(*at))
        });
        // The clock decides only whether retries are exhausted.
        let state = model.confirm_scheduled(&state, pid, 0, next_at);
        let mut holders = candidate.holders.clone();
        holders.remove(lease);
        Ok(vec![Candidate { state, holders }])
    }

    /// The callbacks of a process, by its confirmation: what left the outbox was received.
    fn callbacks(&self, process: Process, write: &Write, claim: &str) -> [Callback; SERVICES] {
        std::array::from_fn(|service| {
            let Some(name) = self.services.get(service) else { return Callback::Failed };
            let is_received = self.received.contains(&(name.clone(), claim.to_owned()));
            let left = process.to_notify & 1 << service != 0 && !write.item.pending.contains(name);
            let status = write.item.outcome.get(name).map(String::as_str);
            match (left && matches!(status, Some("delivered" | "refused")), is_received) {
                (true, true) => Callback::Acknowledged,
                (false, true) => Callback::InFlight,
                (_, false) => Callback::Failed,
            }
        })
    }
}

/// Ends all processes, and renames sequences and events such that the last ones are 1.
fn end_old_notification(state: &mut State) {
    state.processes = [Process::IDLE; PROCESSES];
    let item = &mut state.items[KEY];
    item.lease = None;
    item.event = item.event.min(1);
    for receiver in &mut state.receivers[KEY] {
        receiver.last_sequence = u8::from(item.sequence > 0 && receiver.last_sequence == item.sequence);
        receiver.in_flight = 0;
    }
    item.sequence = item.sequence.min(1);
}

/// An idle redeliverer; if there is none, one without the lease ends.
fn free_redeliverer(state: &mut State, holders: &mut BTreeMap<String, ProcessId>) -> ProcessId {
    let mut redeliverers = (0..BOUNDS.redeliverers).map(ProcessId::redeliverer);
    if let Some(pid) = redeliverers.clone().find(|pid| !state.process(*pid).is_working()) {
        return pid;
    }
    let holder = state.items[KEY].lease;
    let pid = redeliverers.find(|pid| Some(*pid) != holder).unwrap_or(ProcessId::redeliverer(0));
    *state.process_mut(pid) = Process::IDLE;
    holders.retain(|_, other| *other != pid);
    pid
}
