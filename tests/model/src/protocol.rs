//! The model: its actions, and their effects by delegation to the other modules.
//!
//! **Faults are not counted.** A process may crash at any step, any number of times, and any
//! response may be lost. The numbers of requests and events bound the model. A bound on faults
//! would only add states that differ in whether another crash is allowed.

use stateright::{Model, Property};

use crate::{
    acknowledgement::Acknowledgement,
    bounds::Bounds,
    guarantees,
    guards::Guards,
    state::{ProcessId, SERVICES, State, Time},
};

/// The protocol, possibly without some guards.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The configuration.
    pub bounds: Bounds,
    /// The guards in place.
    pub guards: Guards,
}

/// The outcome of a callback from its sender's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The service responded with 2xx.
    Acknowledged,
    /// It is never delivered.
    Failed,
    /// It has failed from the sender's view, but may still arrive at any time.
    InFlight,
}

/// A write that must be rejected, whatever the state. None has an effect in the model, so an
/// exploration has none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// A sync that names a key ring that the key is not in.
    ClaimInAnotherRing,
    /// A purge with the key's id under another CRN.
    PurgeOfAnotherAccount,
    /// A registration with the key's id under another CRN.
    RegistrationOfAnotherAccount,
    /// An acknowledgement of the last notification with the key's id under another CRN.
    AcknowledgementOfAnotherAccount,
    /// An acknowledgement of the last notification by a service that was not notified.
    AcknowledgementByUnnotifiedService,
    /// An operator's replay of the last notification with the key's id under another CRN.
    ReplayOfAnotherAccount,
    /// An operator's replay of the notification before the last one.
    ReplayOfSuperseded,
    /// The creation of the key, delivered by the queue again.
    RepeatedCreation,
}

/// A transition. Clock readings are ticks ahead of true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields: the process, the key, the service, the clock reading")]
pub enum Action {
    /// Time advances by one tick.
    Tick,
    /// Only without `check_is_atomic_with_write`: the item is read.
    Read { pid: ProcessId, key: usize, clock: Time },
    /// A sync's claim reaches DynamoDB.
    Claim { pid: ProcessId, key: usize, clock: Time, response_lost: bool },
    /// A claim by a caller of another account, for which IAM permits the key's id under another
    /// CRN.
    ClaimFromAnotherAccount { pid: ProcessId, key: usize, clock: Time },
    /// Every attempt of a sync's claim is lost before it reaches DynamoDB.
    LoseClaim { pid: ProcessId },
    /// A lifecycle event is delivered by the queue and recorded.
    Record { pid: ProcessId, clock: Time, response_lost: bool },
    /// An event with the key's id under another CRN is delivered by the queue.
    RecordOfAnotherAccount { pid: ProcessId, clock: Time },
    /// A redeliverer takes a lease.
    Lease { pid: ProcessId, key: usize, clock: Time, response_lost: bool },
    /// A redeliverer takes a lease by the SDK's retry, while the first attempt is still in flight.
    LeaseByRetry { pid: ProcessId, key: usize, clock: Time },
    /// The first attempt of a lease request arrives after the retry.
    DeliverLateRequest { pid: ProcessId },
    /// The SDK retries the same request after a lost response.
    Resend { pid: ProcessId },
    /// Only without `claim_fills_outbox`: the second write.
    Fill { pid: ProcessId, clock: Time },
    /// The services are called, all at once.
    Deliver { pid: ProcessId, callbacks: [Callback; SERVICES] },
    /// A callback that timed out at its sender reaches its receiver.
    Arrive { key: usize, service: usize, sequence: u8 },
    /// An operator replays the notification to a service that is settled.
    Replay { key: usize, service: usize, clock: Time },
    /// Acknowledged services leave the outbox. The next attempt of the services in `later` is one
    /// tick later than that of the others.
    Confirm { pid: ProcessId, clock: Time, later: u8 },
    /// A service acknowledges a notification.
    Acknowledge { key: usize, service: usize, acknowledgement: Acknowledgement },
    /// The key is purged. Its notification stays pending.
    Purge { key: usize },
    /// A write that must change nothing.
    Reject { key: usize, write: Rejected },
    /// A redeliverer whose clock is past the deadline reports the services that did not
    /// acknowledge.
    Check { pid: ProcessId, clock: Time },
    /// Only without `reports_precede_record`: the reports after the record of the check.
    Report { pid: ProcessId },
    /// A write of the first service's outcome, with another one to follow; the outbox stays as it
    /// is until then.
    ConfirmPart { pid: ProcessId, clock: Time },
    /// The process is killed, or all its attempts get no response from DynamoDB.
    Crash { pid: ProcessId },
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        assert!(self.is_sound(), "the reductions are unsound here, use Explore::Everything: {self:?}");
        vec![State::initial(&self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        for caller in 0..self.bounds.callers {
            self.requests(state, ProcessId::caller(caller), actions);
        }
        for key in 0..self.bounds.keys {
            for event in 1..=self.bounds.events {
                self.events(state, ProcessId::lifecycle(key, event), key, actions);
            }
            self.arrivals(state, key, actions);
            self.acknowledgements(state, key, actions);
            self.replays(state, key, actions);
            self.rejected_writes(state, key, actions);
            actions.extend(self.bounds.purges.then_some(Action::Purge { key }));
        }
        for redeliverer in 0..self.bounds.redeliverers {
            self.leases(state, ProcessId::redeliverer(redeliverer), actions);
        }
        for pid in ProcessId::all() {
            self.runs(state, pid, actions);
        }
        // Of two equally short paths the checker keeps the later one, so the simpler actions come
        // last.
        actions.reverse();
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        match action {
            Action::Tick => next.tick(&self.bounds),
            Action::Read { pid, key, clock } => self.read_item(&mut next, pid, key, clock),
            Action::Claim { pid, key, clock, response_lost } => {
                self.claim(&mut next, pid, key, clock, response_lost);
            }
            Action::ClaimFromAnotherAccount { pid, key, clock } => {
                self.claim_from_another_account(&mut next, pid, key, clock);
            }
            Action::RecordOfAnotherAccount { pid, clock } => {
                self.record_of_another_account(&mut next, pid, clock);
            }
            Action::LoseClaim { pid } => self.lose_claim(&mut next, pid),
            Action::Record { pid, clock, response_lost } => self.record(&mut next, pid, clock, response_lost),
            Action::Lease { pid, key, clock, response_lost } => {
                self.lease(&mut next, pid, key, clock, response_lost);
            }
            Action::LeaseByRetry { pid, key, clock } => {
                self.lease(&mut next, pid, key, clock, false);
                if next != *last {
                    next.process_mut(pid).late_request = clock;
                }
            }
            Action::DeliverLateRequest { pid } => self.deliver_late_request(&mut next, pid),
            Action::Resend { pid } => self.resend(&mut next, pid),
            Action::Fill { pid, clock } => self.fill(&mut next, pid, clock),
            Action::Deliver { pid, callbacks } => self.deliver(&mut next, pid, callbacks),
            Action::Arrive { key, service, sequence } => {
                next.receivers[key][service].in_flight &= !(1 << sequence);
                self.receive(&mut next, key, service, sequence);
            }
            Action::Replay { key, service, clock } => self.replay(&mut next, key, service, clock),
            Action::Confirm { pid, clock, later } => self.confirm(&mut next, pid, clock, later),
            Action::ConfirmPart { pid, clock } => self.confirm_part(&mut next, pid, clock),
            Action::Acknowledge { key, service, acknowledgement } => {
                self.acknowledge(&mut next, key, service, acknowledgement);
            }
            Action::Purge { key } => next.items[key].purged = true,
            Action::Reject { .. } => {}
            Action::Check { pid, clock } => self.check_deadline(&mut next, pid, clock),
            Action::Report { pid } => self.report_late(&mut next, pid),
            Action::Crash { pid } => self.abort(&mut next, pid),
        }
        self.reduce(&mut next);
        // A rejection that changes nothing is not a transition: the caller may send the request
        // again.
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        guarantees::properties(self)
    }
}
