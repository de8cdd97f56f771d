//! The calls of the real processes: to the ledger, and to the services.

use std::time::Duration;

use keysync::{
    domain::{
        ClaimId, EpochMillis, InstanceCrn, KeyCrn, KeyFacts, KeyState, KeyType, KeyVersion, LeaseId,
        LifecycleAction, LifecycleEvent, ServiceName,
    },
    ledger::{
        Awaits, ClaimError, ClaimRequest, Claimed, Confirmed, DueKey, Ledger, LedgerError, LifecycleChange,
        Notification, Recorded, ReplayRequest, Replayed, Settled, Settlement,
        item::{Outcome, OutcomeStatus, Replay, Retry},
    },
};
use keysync_model::{
    protocol::Callback,
    state::{ProcessId, Role, SERVICES, Time},
};
use keysync_receiver::Sequence;

use crate::{
    dispatch::due,
    mapping::{CALLERS, CREATED, NAMES},
    observed::Observed,
    system::{INSTANCE, KEY, System},
};

/// A request that may be sent again after a lost response.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Claim(ClaimRequest),
    Record(LifecycleChange),
    Lease(LeaseId, EpochMillis),
}

impl Request {
    /// The clock reading, if the response does not depend on a later one.
    pub(crate) fn read_at(&self, now: EpochMillis) -> EpochMillis {
        if let Self::Lease(_, at) = self { *at } else { now }
    }

    pub(crate) fn lease(&self) -> LeaseId {
        match self {
            Self::Claim(request) => request.claim.into(),
            Self::Record(change) => change.claim.into(),
            Self::Lease(lease, _) => *lease,
        }
    }
}

impl System {
    pub(crate) async fn execute(
        &self,
        ledger: &Ledger,
        request: &Request,
    ) -> (Observed, Option<Notification>) {
        match request {
            Request::Claim(request) => self.claim(request).await,
            Request::Record(change) => write(ledger, change, self.now).await,
            Request::Lease(lease, at) => {
                let due = DueKey {
                    instance: INSTANCE.parse().unwrap(),
                    key: KEY.parse().unwrap(),
                    awaits: Awaits::Delivery,
                    at: *at,
                    notified_at: *at,
                    pending: Vec::new(),
                };
                let leased = ledger.lease(&due, *lease, *at, self.lease_duration()).await.unwrap();
                found(leased, *at).unwrap_or((Observed::NotLeased, None))
            }
        }
    }

    pub(crate) fn claim_request(&self, pid: ProcessId, clock: Time, account: &str) -> ClaimRequest {
        let Role::Caller(caller) = pid.role() else { panic!("{pid:?} is no caller") };
        let (caller, correlation_id) = CALLERS[caller];
        ClaimRequest {
            key: crn(account),
            ring: None,
            caller: caller.parse().unwrap(),
            correlation_id: correlation_id.parse().unwrap(),
            claim: ClaimId::unique(),
            now: self.at(clock),
            lease: self.lease_duration(),
        }
    }

    pub(crate) async fn claim(&self, request: &ClaimRequest) -> (Observed, Option<Notification>) {
        match self.ledger.claim(request).await.unwrap() {
            Claimed::Won(notification) => found(Some(*notification), self.now).unwrap(),
            Claimed::Replayed => (Observed::Replayed, None),
            Claimed::Rejected(ClaimError::TooEarly { .. }) => (Observed::TooEarly, None),
            Claimed::Rejected(ClaimError::NotFound) => (Observed::NotFound, None),
            Claimed::Rejected(ClaimError::StandardKey) => (Observed::Other, None),
        }
    }

    /// Event 0 is the creation.
    pub(crate) fn change(&self, event: u8, now: EpochMillis, account: &str) -> LifecycleChange {
        let action = if event == 0 { LifecycleAction::Create } else { LifecycleAction::Rotate };
        let at = CREATED.plus(Duration::from_millis(event.into()));
        LifecycleChange {
            facts: KeyFacts {
                crn: crn(account),
                key_type: KeyType::Root,
                state: KeyState::Active,
                ring: "default".parse().unwrap(),
                version: KeyVersion { id: format!("v-{event}"), created_at: at },
            },
            event: LifecycleEvent { action, at },
            claim: ClaimId::unique(),
            now,
            lease: self.lease_duration(),
        }
    }

    pub(crate) async fn record(
        &self,
        event: u8,
        now: EpochMillis,
        account: &str,
    ) -> (Observed, Option<Notification>) {
        write(&self.ledger, &self.change(event, now, account), self.now).await
    }

    pub(crate) fn deliver(&mut self, pid: ProcessId, callbacks: [Callback; SERVICES]) -> Observed {
        let process = self.process(pid);
        let called = |service: &usize| process.to_notify & 1 << service != 0;
        let reached: Vec<_> = (0..SERVICES)
            .filter(called)
            .filter(|service| callbacks[*service] == Callback::Acknowledged)
            .collect();
        process.delivered = reached.iter().map(|service| 1 << service).sum();
        let sequence = process.notification.as_ref().unwrap().sequence;
        let called = process.to_notify;
        for service in reached {
            self.receive(service, sequence);
        }
        Observed::Called(called)
    }

    /// A receiver keeps the highest sequence, as the receiver kit does.
    pub(crate) fn receive(&mut self, service: usize, sequence: u64) {
        let received = &mut self.received[service];
        if Sequence(sequence).after(*received).is_newer() {
            *received = Some(Sequence(sequence));
        }
    }

    pub(crate) async fn confirm(&mut self, pid: ProcessId, clock: Time, later: u8) -> Observed {
        let process = self.processes[pid.index()].clone();
        let (notification, at) = (process.notification.unwrap(), self.at(clock));
        let settled: Settled = (0..SERVICES)
            .filter(|service| process.to_notify & 1 << service != 0)
            .map(|service| {
                let is_later = later & 1 << service != 0;
                let delivered = process.delivered & 1 << service != 0;
                let next_at = self.scale.at(self.backoff + Time::from(is_later), at);
                let name: ServiceName = NAMES[service].parse().unwrap();
                (name.clone(), self.settlement(&notification, &name, delivered, at, next_at))
            })
            .collect();
        match self.ledger.confirm(&notification, &settled, None).await.unwrap() {
            Confirmed::Recorded => Observed::Confirmed,
            Confirmed::Superseded => Observed::Superseded,
        }
    }

    pub(crate) fn settlement(
        &self,
        notification: &Notification,
        service: &ServiceName,
        delivered: bool,
        at: EpochMillis,
        next_at: EpochMillis,
    ) -> Settlement {
        let age = self.scale.ticks(at, notification.retried_since());
        let is_exhausted = self.retry_limit.is_some_and(|limit| age >= limit);
        let attempts = notification.key.retries.get(service).map_or(0, |retry| retry.attempts) + 1;
        let (status, retry) = if delivered {
            (OutcomeStatus::Delivered, None)
        } else if is_exhausted {
            (OutcomeStatus::Failed, None)
        } else {
            (OutcomeStatus::Retrying, Some(Retry { attempts, next_at }))
        };
        let event_id = notification.event_id(service).to_string();
        Settlement { outcome: Some(Outcome { event_id, status, at, attempts, reason: None }), retry }
    }

    pub(crate) async fn replay(&mut self, service: usize, clock: Time) -> Observed {
        self.replays += 1;
        let replay = Replay {
            claim: self.claim_id(),
            at: self.at(clock),
            services: vec![NAMES[service].parse().unwrap()],
            operator: "ada".to_owned(),
            reason: self.replays.to_string(),
        };
        let request = ReplayRequest { key: crn("abc123"), replay };
        let replayed = self.ledger.replay(&request).await.unwrap();
        if replayed == Replayed::Scheduled { Observed::Scheduled } else { Observed::Other }
    }
}

/// Records a change.
pub(crate) async fn write(
    ledger: &Ledger,
    change: &LifecycleChange,
    now: EpochMillis,
) -> (Observed, Option<Notification>) {
    match ledger.record(change).await {
        Ok(Recorded::Pending(notification)) => found(Some(*notification), now).unwrap(),
        Ok(Recorded::NothingToNotify) => (Observed::Nothing, None),
        // The queue delivers the event again, and then it is stale.
        Ok(Recorded::Stale) | Err(LedgerError::Unavailable(_)) => (Observed::Stale, None),
        Ok(Recorded::CrnMismatch) => (Observed::CrnMismatch, None),
        Err(error) => panic!("{error}"),
    }
}

fn found(notification: Option<Notification>, at: EpochMillis) -> Option<(Observed, Option<Notification>)> {
    let notification = notification?;
    Some((Observed::Notification(due(&notification, at)), Some(notification)))
}

pub(crate) fn crn(account: &str) -> KeyCrn {
    let instance = InstanceCrn {
        service: "hs-crypto".to_owned(),
        region: "us-south".to_owned(),
        account: account.to_owned(),
        instance: INSTANCE.parse().unwrap(),
    };
    instance.key(KEY.parse().unwrap())
}

pub(crate) fn event(pid: ProcessId) -> u8 {
    let Role::Lifecycle { event, .. } = pid.role() else { panic!("{pid:?} has no event") };
    event
}
