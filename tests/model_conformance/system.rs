//! The real system: the table with one key, the processes that write it, and the services.

use std::time::Duration;

use keysync::{
    delivery::RETRY_PERIOD,
    domain::{ClaimId, EpochMillis, LeaseId},
    ledger::{Ledger, Notification, Purged},
};
use keysync_dynamodb_emulator::{EmbeddedTable, TABLE};
use keysync_model::{
    protocol::Action,
    state::{PROCESSES, ProcessId, SERVICES, State, Time},
};
use keysync_receiver::Sequence;
use serde_json::{Value, json};

use crate::{
    Configuration, Through,
    calls::{Request, crn, event},
    mapping::{CREATED, Scale, acknowledged, members, older_acknowledged, plain},
    observed::Observed,
    resent::{self, Response, Responses},
    services::Behaviour,
};

pub(crate) const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
pub(crate) const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";

/// A process and its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub(crate) request: Option<Request>,
    pub(crate) notification: Option<Notification>,
    /// The services to notify, and those of them that responded with 2xx.
    pub(crate) to_notify: u8,
    pub(crate) delivered: u8,
    /// The clock reading with which these were selected.
    pub(crate) read_at: Option<EpochMillis>,
    /// The services that had acknowledged the notification then, and an older one.
    pub(crate) acknowledged: u8,
    pub(crate) older_acknowledged: u8,
    /// The responses to its record before the lost one.
    responses: Vec<Response>,
    /// How the services respond, and the clock reading of the check; for the dispatcher.
    pub(crate) behaviours: [Behaviour; SERVICES],
    pub(crate) check_at: Option<EpochMillis>,
}

impl Process {
    /// The lease that it has requested, and the one it has, which is another one if the claim id of
    /// its request was not later than the last one.
    pub(crate) fn leases(&self) -> impl Iterator<Item = LeaseId> {
        let requested = self.request.as_ref().map(Request::lease);
        requested.into_iter().chain(self.notification.as_ref().map(|notification| notification.lease))
    }
}

/// The system. A clone shares the table.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) scale: Scale,
    pub(crate) lease: Time,
    pub(crate) backoff: Time,
    pub(crate) retry_limit: Option<Time>,
    skew: Time,
    pub(crate) table: EmbeddedTable,
    pub(crate) ledger: Ledger,
    pub(crate) now: EpochMillis,
    pub(crate) item: Value,
    pub(crate) processes: Box<[Process; PROCESSES]>,
    pub(crate) received: [Option<Sequence>; SERVICES],
    pub(crate) replays: u8,
    /// Whether the dispatcher delivers and confirms, and not the test itself.
    pub(crate) through: Through,
    pub(crate) has_deadline: bool,
    /// The real services for the model's first one.
    pub(crate) members: usize,
    /// The failed callbacks so far, and those that settled their service.
    pub(crate) failures: usize,
    pub(crate) successes: usize,
    /// The claim of the notification before the last one.
    pub(crate) superseded: Option<ClaimId>,
    /// How far back the model knows when notifications were made.
    pub(crate) floor: Time,
    early_claims: u32,
}

impl System {
    /// A key with the configuration's services that was never notified.
    pub(crate) async fn new(configuration: &Configuration) -> Self {
        let (scale, bounds) = (configuration.scale, &configuration.model.bounds);
        let table = EmbeddedTable::in_memory().unwrap();
        let ledger = Ledger::new(&table.sdk_config().unwrap(), TABLE.to_owned());
        let mut system = Self {
            scale,
            lease: bounds.lease,
            backoff: bounds.backoff,
            retry_limit: bounds.has_retry_limit().then_some(bounds.retry_limit),
            table,
            ledger,
            skew: bounds.skew,
            // Whole ticks after the creation, and long after it.
            now: CREATED.plus(scale.0 * 1000),
            item: Value::Null,
            processes: Box::default(),
            received: [None; SERVICES],
            replays: 0,
            through: configuration.through,
            has_deadline: bounds.has_deadline(),
            members: configuration.members,
            failures: 0,
            successes: 0,
            superseded: None,
            floor: bounds.notified_floor(),
            early_claims: 0,
        };
        system.record(0, system.now, "abc123").await;
        system.item = system.read();
        let services = (0..bounds.services).flat_map(|service| members(service, configuration.members));
        let services = services.map(|name| (name, json!({"N": "1"})));
        system.item["services"] = json!({"M": services.collect::<serde_json::Map<_, _>>()});
        system.restore();
        system
    }

    fn call(&self, operation: &str, body: &Value) -> Value {
        let (status, body) = self.table.call(operation, body.to_string().as_bytes());
        assert!(status.is_success(), "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn read(&self) -> Value {
        let key = json!({"pk": {"S": format!("{INSTANCE}#{KEY}")}, "sk": {"S": "key"}});
        self.call("GetItem", &json!({"TableName": TABLE, "Key": key, "ConsistentRead": true}))["Item"].clone()
    }

    /// Makes the table's item that of this system, after another clone has written it.
    pub(crate) fn restore(&self) {
        self.call("PutItem", &json!({"TableName": TABLE, "Item": self.item}));
    }

    pub(crate) fn at(&self, clock: Time) -> EpochMillis {
        self.scale.at(clock, self.now)
    }

    pub(crate) fn lease_duration(&self) -> Duration {
        self.scale.0 * self.lease.unsigned_abs()
    }

    pub(crate) fn process(&mut self, pid: ProcessId) -> &mut Process {
        &mut self.processes[pid.index()]
    }

    /// Whether a resent lease request would be applied, because the item became due again, by a
    /// replay or by a clock that stepped back. In the model, that is another lease.
    fn leases_again(&self, action: Action) -> bool {
        let Action::Resend { pid } = action else { return false };
        let due_at = self.item["due_at"]["N"].as_str().map(|at| EpochMillis::new(at.parse().unwrap()));
        match self.processes[pid.index()].request {
            Some(Request::Lease(_, at)) => due_at.is_some_and(|due_at| due_at <= at),
            _ => false,
        }
    }

    /// Whether the model and the code can be compared in this step.
    pub(crate) fn is_comparable(&self, action: Action, state: &State) -> bool {
        match action {
            Action::Tick => !self.exhausts_retries(),
            Action::Resend { .. } => !self.leases_again(action),
            _ => !self.is_simplified(action, state),
        }
    }

    /// Whether the next tick exhausts the retries, after 24 hours and on the clock that is furthest
    /// ahead, and the configuration has none that end.
    fn exhausts_retries(&self) -> bool {
        let Some(at) = self.item["notified_at"]["N"].as_str() else { return false };
        let furthest = self.at(1 + self.skew);
        let notified_at = EpochMillis::new(at.parse().unwrap());
        self.retry_limit.is_none() && furthest.since(notified_at) >= RETRY_PERIOD
    }

    /// Takes a step. `after` is the model's state after it.
    pub(crate) async fn take(&mut self, action: Action, after: &State) -> Observed {
        let observed = match action {
            Action::Tick => {
                self.now = self.at(1);
                Observed::Nothing
            }
            Action::Claim { pid, clock, response_lost, .. } => {
                let request = self.claim_request(pid, clock, "abc123");
                self.send(pid, Request::Claim(request), response_lost).await
            }
            Action::ClaimFromAnotherAccount { pid, clock, .. } => {
                let request = self.claim_request(pid, clock, "foreign");
                self.claim(&request).await.0
            }
            Action::Record { pid, clock, response_lost } => {
                let mut change = self.change(event(pid), self.at(clock), "abc123");
                // A lost response is to the first attempt, unless the clock is behind.
                if clock > 0 && !response_lost {
                    change.claim = self.early_claim_id();
                }
                self.send(pid, Request::Record(change), response_lost).await
            }
            Action::RecordOfAnotherAccount { pid, clock } => {
                self.record(event(pid), self.at(clock), "foreign").await.0
            }
            Action::Lease { pid, clock, response_lost, .. } => {
                let request = Request::Lease(LeaseId::unique(), self.at(clock));
                self.send(pid, request, response_lost).await
            }
            Action::LeaseByRetry { pid, clock, .. } => {
                self.send(pid, Request::Lease(LeaseId::unique(), self.at(clock)), false).await
            }
            Action::DeliverLateRequest { pid } => {
                if let Some(request) = self.processes[pid.index()].request.clone() {
                    self.execute(&self.ledger, &request).await;
                }
                Observed::Nothing
            }
            Action::Resend { pid } => {
                let request = self.process(pid).request.clone().unwrap();
                self.send(pid, request, false).await
            }
            Action::Deliver { pid, callbacks } => match self.through {
                Through::Ledger => self.deliver(pid, callbacks),
                Through::Dispatcher => self.call_services(pid, callbacks).await,
            },
            Action::Arrive { service, sequence, .. } => {
                self.receive(service, u64::from(sequence));
                Observed::Nothing
            }
            Action::Check { pid, clock } => {
                self.process(pid).check_at = Some(self.at(clock));
                Observed::Nothing
            }
            Action::Confirm { pid, clock, later } => match self.through {
                Through::Ledger => self.confirm(pid, clock, later).await,
                Through::Dispatcher => self.dispatch(pid, clock, self.ledger.clone()).await,
            },
            Action::ConfirmPart { pid, clock } => self.dispatch_in_part(pid, clock).await,
            Action::Acknowledge { service, acknowledgement, .. } => {
                self.acknowledge(service, acknowledgement).await
            }
            Action::Purge { .. } => {
                let purged = self.ledger.purge(&crn("abc123"), self.now).await.unwrap();
                if purged == Purged::Recorded { Observed::Nothing } else { Observed::Stale }
            }
            Action::Reject { write, .. } => self.reject(write).await,
            Action::Replay { service, clock, .. } => self.replay(service, clock).await,
            Action::Crash { .. } => Observed::Nothing,
            other => panic!("{other:?} needs a guard removed"),
        };
        // A process that has ended forgets everything.
        for pid in ProcessId::all().filter(|pid| !after.process(*pid).is_working()) {
            *self.process(pid) = Process::default();
        }
        if action != Action::Tick {
            let item = self.read();
            let before = std::mem::replace(&mut self.item, item);
            if before["claim"] != self.item["claim"] {
                self.superseded = before["claim"]["S"].as_str().map(|claim| claim.parse().unwrap());
                if self.superseded.is_some_and(|superseded| self.claim_id() <= superseded) {
                    return Observed::EarlierClaimId;
                }
            }
        }
        observed
    }

    /// A new claim id that is earlier than all those of now.
    fn early_claim_id(&mut self) -> ClaimId {
        self.early_claims += 1;
        format!("00000000-0000-7000-8000-{:012x}", self.early_claims).parse().unwrap()
    }

    /// Sends a request, whose response may be lost.
    async fn send(&mut self, pid: ProcessId, request: Request, response_lost: bool) -> Observed {
        let repeated = std::mem::take(&mut self.process(pid).responses);
        let (ledger, responses) = if matches!(request, Request::Record(_)) {
            resent::ledger(&self.table, repeated)
        } else {
            (self.ledger.clone(), Responses::default())
        };
        let (observed, notification) = self.execute(&ledger, &request).await;
        let to_notify = if let Observed::Notification(services) = observed { services } else { 0 };
        let (read_at, item) = (request.read_at(self.now), plain(&self.item));
        let process = self.process(pid);
        process.request = Some(request);
        if response_lost {
            process.responses = responses.before_last();
            return Observed::Nothing;
        }
        (process.notification, process.to_notify) = (notification, to_notify);
        process.read_at = Some(read_at);
        (process.acknowledged, process.older_acknowledged) = (acknowledged(&item), older_acknowledged(&item));
        observed
    }
}
