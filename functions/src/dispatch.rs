//! Dispatch: deliver a claimed notification, then confirm it. Every claim is followed by a
//! dispatch: of a sync, of a lifecycle event and of a redelivery.

use tracing::Span;

use crate::{
    delivery::{CircuitBreakers, Notifier},
    domain::EpochMillis,
    ledger::{
        Confirmed, Deadline, Finding, FindingKind, Ledger, Notification, PauseCache, Pauses, Settled,
        item::{OutcomeStatus, Replay},
    },
    telemetry,
    time_budget::TimeBudget,
    trace_context::TraceContext,
};

/// Delivers the notifications of the transactional outbox.
#[derive(Debug)]
pub struct Dispatcher {
    /// The table that holds the outbox.
    pub ledger: Ledger,
    /// The client that calls the services.
    pub notifier: Notifier,
    /// The paused services, as this process knows them.
    pub pauses: PauseCache,
}

/// What a run of `redeliver` adds to a dispatch.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The circuit breakers of the run.
    pub breakers: &'a CircuitBreakers,
    /// The paused services, read by the run.
    pub pauses: &'a Pauses,
    /// The present instant.
    pub now: EpochMillis,
    /// Records audit events.
    pub audit: Audit,
}

/// Records the audit event of what happened to a notification.
pub type Audit = fn(&Notification, Audited<'_>, &TraceContext, EpochMillis);

/// What a run of `redeliver` records in audit events.
#[derive(Clone, Copy, Debug)]
pub enum Audited<'a> {
    /// A service did not act on the notification.
    Finding(&'a Finding),
    /// An operator replayed the notification.
    Replay(&'a Replay),
}

/// The result of a dispatch.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// The results of the callbacks.
    pub settled: Settled,
    /// The services that did not acknowledge; `None` if the deadline was not checked.
    pub checked: Option<Vec<Finding>>,
}

impl Dispatcher {
    /// Delivers `notification` to its services and records the results.
    ///
    /// Infallible: since its claim, the notification is in the outbox, and `redeliver` delivers
    /// again what is not confirmed here. Delivery is therefore at least once.
    ///
    /// A run of `redeliver` also checks the deadline, once it is over. Its findings and an
    /// operator's replay are reported *before* the confirmation records that they were: if the
    /// process dies in between, or the confirmation fails, they are reported again, but none is
    /// lost.
    ///
    /// Adds `key` and `claim` to the current span, in which the log lines are written.
    pub async fn deliver_and_confirm(
        &self,
        notification: &Notification,
        trace: &TraceContext,
        budget: TimeBudget,
        run: Option<Run<'_>>,
    ) -> Dispatched {
        let (key, claim) = (notification.key.crn.key, notification.claim);
        let span = Span::current();
        tracing::record_all!(span, key = %key, claim = %claim);
        let known;
        let (breakers, pauses) = if let Some(run) = run {
            (Some(run.breakers), run.pauses)
        } else {
            known = self.pauses.current(&self.ledger).await;
            (None, &*known)
        };
        if let Some((run, replay)) = run.zip(notification.new_replay()) {
            (run.audit)(notification, Audited::Replay(replay), trace, run.now);
        }
        let until = budget.delivery_deadline();
        let settled = self.notifier.deliver(notification, trace, until, breakers, pauses).await;
        let now = run.map_or(notification.at, |run| run.now);
        let mut deadline = Deadline::after(notification, now, |service| self.notifier.acknowledges(service));
        let mut checked = None;
        if let Some(Run { now, audit, .. }) = run {
            checked = deadline.as_mut().and_then(|deadline| deadline.check(&notification.key, now));
            for finding in checked.iter().flatten().cloned().chain(failed(notification, &settled)) {
                report(notification, &finding, trace, now, audit);
            }
        }
        match self.ledger.confirm(notification, &settled, deadline.as_ref()).await {
            Ok(Confirmed::Recorded) => {}
            Ok(Confirmed::Superseded) => tracing::info!("confirmation rejected: lease or claim superseded"),
            Err(error) => tracing::error!(
                %error,
                "confirmation failed; notification stays pending and will be redelivered"
            ),
        }
        Dispatched { settled, checked }
    }
}

/// The services whose retries are exhausted.
fn failed(notification: &Notification, settled: &Settled) -> impl Iterator<Item = Finding> {
    settled.iter().filter_map(|(service, settlement)| {
        let outcome = settlement.outcome.as_ref()?;
        let is_failed = outcome.status == OutcomeStatus::Failed;
        is_failed.then(|| Finding {
            service: service.clone(),
            kind: FindingKind::Failed,
            notification: notification.into(),
            acknowledgement: None,
        })
    })
}

/// Reports a finding in the audit events, the metrics and the log. Exhausted retries are counted
/// and logged where they are determined.
pub(crate) fn report(
    notification: &Notification,
    finding: &Finding,
    trace: &TraceContext,
    now: EpochMillis,
    audit: Audit,
) {
    audit(notification, Audited::Finding(finding), trace, now);
    let message = match finding.kind {
        FindingKind::Overdue => {
            telemetry::count_overdue(&finding.service);
            "service did not acknowledge within four hours; it may not have acted"
        }
        FindingKind::Conflicting => {
            telemetry::count_conflicting(&finding.service);
            "service acknowledged a key state that contradicts the key's"
        }
        FindingKind::Failed => return,
    };
    tracing::error!(
        service = %finding.service, event_id = %finding.event_id(notification.key.crn.key),
        outcome = finding.kind.as_str(), "{message}"
    );
}
