//! The model: which actions there are, and which of the functions beside does each.
//!
//! **Faults are not counted.** A process may die at any step, any number of times; any answer may be lost.
//! What bounds the model is the number of requests and events, not of accidents: a state in which a crash
//! is still allowed and one in which it is not would be two, and the second teaches nothing.

use stateright::{Model, Property};

use crate::{
    bounds::Bounds,
    guarantees,
    guards::Guards,
    state::{SERVICES, State, Time, Who},
};

/// The protocol, or what is left of it without some guard.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) bounds: Bounds,
    pub(crate) guards: Guards,
}

/// What becomes of a callback, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    Acknowledged,
    /// It never gets there.
    Failed,
    /// The sender takes it for failed. It may get there yet, at once or much later.
    InFlight,
}

/// Something that may happen. Clock readings are ticks ahead of true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Time goes on.
    Tick,
    /// Only without `check_and_write_are_one`: the item is read.
    Look { who: Who, key: usize, clock: Time },
    /// A sync's claim reaches DynamoDB.
    Claim { who: Who, key: usize, clock: Time, answer_lost: bool },
    /// A claim by a caller of another account, for which IAM permits the key's id under another CRN.
    ClaimFromAnotherAccount { who: Who, key: usize, clock: Time },
    /// Every try of a sync's claim is lost on its way.
    Vanish { who: Who },
    /// A lifecycle event comes out of the queue and is recorded.
    Record { who: Who, clock: Time, answer_lost: bool },
    /// An event comes out of the queue that has the key's id under another CRN.
    RecordOfAnotherAccount { who: Who, clock: Time },
    /// A redeliverer takes a lease.
    Lease { who: Who, key: usize, clock: Time, answer_lost: bool },
    /// The same, at the second try; the first is still under way.
    LeaseAgain { who: Who, key: usize, clock: Time },
    /// The first try arrives after all.
    Straggle { who: Who },
    /// The SDK sends the same request again, after a lost answer.
    Resend { who: Who },
    /// Only without `outbox_is_filled_by_the_claim`: the second write.
    Fill { who: Who, clock: Time },
    /// The services are called, all at once.
    Deliver { who: Who, callbacks: [Callback; SERVICES] },
    /// A callback that its sender has given up reaches its receiver.
    Arrive { key: usize, service: usize, sequence: u8 },
    /// What was acknowledged leaves the outbox. The next try of the services in `later` is a tick later than
    /// that of the others.
    Confirm { who: Who, clock: Time, later: u8 },
    /// The same for the first service only, with another write to follow; until then `due_at` stays.
    ConfirmPart { who: Who, clock: Time },
    /// The process is killed, or learns nothing from DynamoDB however often it asks.
    Die { who: Who },
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        assert!(self.is_explored_soundly(), "this needs Explore::Everything: {self:?}");
        vec![State::initial(&self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        for caller in 0..self.bounds.callers {
            self.requests(state, Who::caller(caller), actions);
        }
        for key in 0..self.bounds.keys {
            for event in 1..=self.bounds.events {
                self.events(state, Who::lifecycle(key, event), key, actions);
            }
            self.arrivals(state, key, actions);
        }
        for redeliverer in 0..self.bounds.redeliverers {
            self.leases(state, Who::redeliverer(redeliverer), actions);
        }
        for who in Who::all() {
            self.runs(state, who, actions);
        }
        // Of two ways that are equally short the checker keeps the later: let that be the plainer one.
        actions.reverse();
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        match action {
            Action::Tick => next.tick(&self.bounds),
            Action::Look { who, key, clock } => self.look(&mut next, who, key, clock),
            Action::Claim { who, key, clock, answer_lost } => {
                self.claim(&mut next, who, key, clock, answer_lost);
            }
            Action::ClaimFromAnotherAccount { who, key, clock } => {
                self.claim_from_another_account(&mut next, who, key, clock);
            }
            Action::RecordOfAnotherAccount { who, clock } => {
                self.record_of_another_account(&mut next, who, clock);
            }
            Action::Vanish { who } => self.vanish(&mut next, who),
            Action::Record { who, clock, answer_lost } => self.record(&mut next, who, clock, answer_lost),
            Action::Lease { who, key, clock, answer_lost } => {
                self.lease(&mut next, who, key, clock, answer_lost);
            }
            Action::LeaseAgain { who, key, clock } => {
                self.lease(&mut next, who, key, clock, false);
                if next != *last {
                    next.process_mut(who).straggler = clock;
                }
            }
            Action::Straggle { who } => self.straggle(&mut next, who),
            Action::Resend { who } => self.resend(&mut next, who),
            Action::Fill { who, clock } => self.fill(&mut next, who, clock),
            Action::Deliver { who, callbacks } => self.deliver(&mut next, who, callbacks),
            Action::Arrive { key, service, sequence } => {
                next.receivers[key][service].in_flight &= !(1 << sequence);
                self.receive(&mut next, key, service, sequence);
            }
            Action::Confirm { who, clock, later } => self.confirm(&mut next, who, clock, later),
            Action::ConfirmPart { who, clock } => self.confirm_part(&mut next, who, clock),
            Action::Die { who } => self.fall(&mut next, who),
        }
        self.tidy(&mut next);
        // A refusal that changes nothing leads nowhere: whoever was refused may ask again.
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        guarantees::properties(self)
    }
}
