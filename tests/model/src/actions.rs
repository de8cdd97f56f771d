//! The actions that are possible in a state, however unlikely.

use crate::{
    bounds::Explore,
    protocol::{Action, Callback, Protocol, Rejected},
    state::{NEVER, ProcessId, State, Step},
};

impl Protocol {
    pub(crate) fn requests(&self, state: &State, pid: ProcessId, actions: &mut Vec<Action>) {
        let process = state.process(pid);
        for (key, item) in state.items.iter().enumerate().take(self.bounds.keys) {
            let reads_first = !self.guards.check_is_atomic_with_write;
            let ready = match process.step {
                Step::Idle => !reads_first,
                Step::HasRead => process.key() == key,
                _ => false,
            };
            for clock in self.bounds.clocks().filter(|_| item.sequence < self.bounds.most_notifications()) {
                if process.step == Step::Idle && reads_first {
                    actions.push(Action::Read { pid, key, clock });
                }
                if ready {
                    actions.push(Action::Claim { pid, key, clock, response_lost: false });
                    actions.push(Action::Claim { pid, key, clock, response_lost: true });
                    actions.push(Action::ClaimFromAnotherAccount { pid, key, clock });
                }
            }
        }
        if process.step == Step::Idle && !self.guards.claim_is_durable_before_204 {
            actions.push(Action::LoseClaim { pid });
        }
    }

    /// The queue delivers events any number of times and in any order.
    pub(crate) fn events(&self, state: &State, pid: ProcessId, key: usize, actions: &mut Vec<Action>) {
        if state.process(pid).step != Step::Idle
            || state.items[key].sequence >= self.bounds.most_notifications()
        {
            return;
        }
        let stepped_back = self.bounds.steps_back.then_some(-self.bounds.window - 1);
        for clock in self.bounds.clocks().chain(stepped_back) {
            actions.push(Action::Record { pid, clock, response_lost: false });
            actions.push(Action::RecordOfAnotherAccount { pid, clock });
            if self.bounds.explore != Explore::Reduced {
                actions.push(Action::Record { pid, clock, response_lost: true });
            }
        }
    }

    pub(crate) fn arrivals(&self, state: &State, key: usize, actions: &mut Vec<Action>) {
        for service in 0..self.bounds.services {
            let in_flight = state.receivers[key][service].in_flight;
            for sequence in
                (0..=self.bounds.most_notifications()).filter(|sequence| in_flight & 1 << sequence != 0)
            {
                actions.push(Action::Arrive { key, service, sequence });
            }
        }
    }

    pub(crate) fn rejected_writes(&self, state: &State, key: usize, actions: &mut Vec<Action>) {
        use Rejected::{
            AcknowledgementByUnnotifiedService, AcknowledgementOfAnotherAccount, ClaimInAnotherRing,
            PurgeOfAnotherAccount, RegistrationOfAnotherAccount, RepeatedCreation, ReplayOfAnotherAccount,
            ReplayOfSuperseded,
        };
        if !self.bounds.rejected_writes {
            return;
        }
        let of_notification =
            [AcknowledgementByUnnotifiedService, AcknowledgementOfAnotherAccount, ReplayOfAnotherAccount];
        let sequence = state.items[key].sequence;
        let writes =
            [ClaimInAnotherRing, PurgeOfAnotherAccount, RegistrationOfAnotherAccount, RepeatedCreation]
                .into_iter()
                .chain(of_notification.into_iter().filter(|_| sequence > 0))
                .chain((sequence > 1).then_some(ReplayOfSuperseded));
        actions.extend(writes.map(|write| Action::Reject { key, write }));
    }

    /// An operator acts at any time, with any clock.
    pub(crate) fn replays(&self, state: &State, key: usize, actions: &mut Vec<Action>) {
        let item = &state.items[key];
        if item.sequence == 0 || item.replays >= self.bounds.operator_replays {
            return;
        }
        for service in (0..self.bounds.services).filter(|service| !item.outbox[*service].pending) {
            actions.extend(self.bounds.clocks().map(|clock| Action::Replay { key, service, clock }));
        }
    }

    /// The index of due items may be stale, so a lease may be attempted on any item. Only the write
    /// condition decides.
    pub(crate) fn leases(&self, state: &State, pid: ProcessId, actions: &mut Vec<Action>) {
        if state.process(pid).step != Step::Idle {
            return;
        }
        for key in (0..self.bounds.keys).filter(|&key| state.items[key].sequence > 0) {
            for clock in self.bounds.clocks() {
                actions.push(Action::Lease { pid, key, clock, response_lost: false });
                if self.bounds.late_requests {
                    actions.push(Action::LeaseByRetry { pid, key, clock });
                }
                if self.bounds.explore != Explore::Reduced {
                    actions.push(Action::Lease { pid, key, clock, response_lost: true });
                }
            }
        }
    }

    /// The next actions of a process that has work to finish.
    pub(crate) fn runs(&self, state: &State, pid: ProcessId, actions: &mut Vec<Action>) {
        let process = state.process(pid);
        match process.step {
            Step::Idle | Step::Done => return,
            Step::HasRead => {}
            Step::ResponseLost => actions.push(Action::Resend { pid }),
            Step::Unfilled => actions.extend(self.bounds.clocks().map(|clock| Action::Fill { pid, clock })),
            Step::Delivering => self.deliveries(process.to_notify, pid, actions),
            Step::Delivered if self.must_check(state, pid) => {
                actions.extend(self.bounds.clocks().map(|clock| Action::Check { pid, clock }));
            }
            Step::Reporting => actions.push(Action::Report { pid }),
            Step::Delivered | Step::Checked => {
                let failed = process.to_notify & !process.acknowledged;
                for clock in self.bounds.clocks().filter(|&clock| clock == 0 || failed != 0) {
                    let later = (0..=failed).filter(|later| later & !failed == 0);
                    let later = later.filter(|&later| later == 0 || self.bounds.uneven_backoff);
                    actions.extend(later.map(|later| Action::Confirm { pid, clock, later }));
                    if self.bounds.confirms_in_parts && process.to_notify == 0b11 {
                        actions.push(Action::ConfirmPart { pid, clock });
                    }
                }
            }
        }
        if process.late_request != NEVER {
            actions.push(Action::DeliverLateRequest { pid });
        }
        actions.push(Action::Crash { pid });
    }

    fn deliveries(&self, to_notify: u8, pid: ProcessId, actions: &mut Vec<Action>) {
        use Callback::{Acknowledged, Failed, InFlight};
        let outcomes = |service: usize| -> &[Callback] {
            match (to_notify & 1 << service != 0, self.bounds.late_callbacks) {
                (true, true) => &[Acknowledged, Failed, InFlight],
                (true, false) => &[Acknowledged, Failed],
                (false, _) => &[Failed], // not called
            }
        };
        for &one in outcomes(0) {
            for &other in outcomes(1) {
                actions.push(Action::Deliver { pid, callbacks: [one, other] });
            }
        }
    }
}
