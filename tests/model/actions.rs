//! Which actions may happen in a state. None is kept back because it would be unlikely.

use crate::{
    bounds::Explore,
    protocol::{Action, Callback, Protocol},
    state::{NEVER, State, Step, Who},
};

impl Protocol {
    pub(crate) fn requests(&self, state: &State, who: Who, actions: &mut Vec<Action>) {
        let process = state.process(who);
        for (key, item) in state.items.iter().enumerate().take(self.bounds.keys) {
            let looks = !self.guards.check_and_write_are_one;
            let ready = match process.step {
                Step::Idle => !looks,
                Step::Looked => process.key() == key,
                _ => false,
            };
            for clock in self.bounds.clocks().filter(|_| item.sequence < self.bounds.most_notifications()) {
                if process.step == Step::Idle && looks {
                    actions.push(Action::Look { who, key, clock });
                }
                if ready {
                    actions.push(Action::Claim { who, key, clock, answer_lost: false });
                    actions.push(Action::Claim { who, key, clock, answer_lost: true });
                    actions.push(Action::ClaimFromAnotherAccount { who, key, clock });
                }
            }
        }
        if process.step == Step::Idle && !self.guards.claim_is_durable_before_204 {
            actions.push(Action::Vanish { who });
        }
    }

    /// The queue gives an event any number of times, in any order.
    pub(crate) fn events(&self, state: &State, who: Who, key: usize, actions: &mut Vec<Action>) {
        if state.process(who).step != Step::Idle
            || state.items[key].sequence >= self.bounds.most_notifications()
        {
            return;
        }
        let stepped_back = self.bounds.steps_back.then_some(-self.bounds.window - 1);
        for clock in self.bounds.clocks().chain(stepped_back) {
            actions.push(Action::Record { who, clock, answer_lost: false });
            actions.push(Action::RecordOfAnotherAccount { who, clock });
            if self.bounds.explore != Explore::Reduced {
                actions.push(Action::Record { who, clock, answer_lost: true });
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

    /// The index of due items may be behind, so any item may be tried: only the condition decides.
    pub(crate) fn leases(&self, state: &State, who: Who, actions: &mut Vec<Action>) {
        if state.process(who).step != Step::Idle {
            return;
        }
        for key in (0..self.bounds.keys).filter(|&key| state.items[key].sequence > 0) {
            for clock in self.bounds.clocks() {
                actions.push(Action::Lease { who, key, clock, answer_lost: false });
                if self.bounds.stragglers {
                    actions.push(Action::LeaseAgain { who, key, clock });
                }
                if self.bounds.explore != Explore::Reduced {
                    actions.push(Action::Lease { who, key, clock, answer_lost: true });
                }
            }
        }
    }

    /// How a process that has won goes on.
    pub(crate) fn runs(&self, state: &State, who: Who, actions: &mut Vec<Action>) {
        let process = state.process(who);
        match process.step {
            Step::Idle | Step::Done => return,
            Step::Looked => {}
            Step::Unsure => actions.push(Action::Resend { who }),
            Step::Unfilled => actions.extend(self.bounds.clocks().map(|clock| Action::Fill { who, clock })),
            Step::Holding => self.deliveries(process.todo, who, actions),
            Step::Delivered => {
                let failed = process.todo & !process.acknowledged;
                for clock in self.bounds.clocks().filter(|&clock| clock == 0 || failed != 0) {
                    let later = (0..=failed).filter(|later| later & !failed == 0);
                    let later = later.filter(|&later| later == 0 || self.bounds.uneven_backoff);
                    actions.extend(later.map(|later| Action::Confirm { who, clock, later }));
                    if self.bounds.confirms_in_parts && process.todo == 0b11 {
                        actions.push(Action::ConfirmPart { who, clock });
                    }
                }
            }
        }
        if process.straggler != NEVER {
            actions.push(Action::Straggle { who });
        }
        actions.push(Action::Die { who });
    }

    fn deliveries(&self, todo: u8, who: Who, actions: &mut Vec<Action>) {
        use Callback::{Acknowledged, Failed, InFlight};
        let fates = |service: usize| -> &[Callback] {
            match (todo & 1 << service != 0, self.bounds.late_callbacks) {
                (true, true) => &[Acknowledged, Failed, InFlight],
                (true, false) => &[Acknowledged, Failed],
                (false, _) => &[Failed], // not called
            }
        };
        for &one in fates(0) {
            for &other in fates(1) {
                actions.push(Action::Deliver { who, callbacks: [one, other] });
            }
        }
    }
}
