//! A delivery and its confirmation by the real dispatcher.
//!
//! The model has up to three steps for what is one call of the dispatcher: the callbacks, the check
//! of the deadline, the confirmation. Other processes may write between them, and the process may
//! crash. So the real notifier sends the callbacks in the model's step `Deliver`. In the step
//! `Confirm`, the dispatcher does it all, with services that respond as they did then; what is
//! between its callbacks and its write reaches no other process.

use std::time::Duration;

use keysync::{
    delivery::{AddressPolicy, CircuitBreakers, Notifier, Registry},
    dispatch::{Audited, Dispatched, Dispatcher, Run},
    domain::{EpochMillis, ServiceName},
    ledger::{Ledger, Notification, Pause, PauseCache, Pauses},
    time_budget::TimeBudget,
    trace_context::TraceContext,
};
use keysync_model::{
    protocol::Callback,
    state::{ProcessId, Role, SERVICES, Time},
};
use serde_json::json;

use crate::{
    mapping::{NAMES, mask, members},
    observed::Observed,
    one_write,
    services::{Behaviour, Services},
    system::{Process, System},
};

const SIGNING_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
/// The time limits of the deployed functions.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

impl System {
    /// The callbacks of a process, by the real notifier. It observes which services it was to call.
    pub(crate) async fn call_services(
        &mut self,
        pid: ProcessId,
        callbacks: [Callback; SERVICES],
    ) -> Observed {
        let behaviours = callbacks.map(|callback| match callback {
            Callback::Acknowledged => self.next_success(),
            Callback::InFlight => Behaviour::TimesOut,
            Callback::Failed => self.next_failure(),
        });
        let process = self.process(pid);
        process.behaviours = behaviours;
        let Process { notification, read_at, .. } = process.clone();
        let (notification, read_at) = (notification.unwrap(), read_at.unwrap());
        let services = Services::new(behaviours, read_at, read_at);
        let (trace, until) = (TraceContext::from_xray(None), TimeBudget::new(None, REQUEST_TIMEOUT));
        let settled = self
            .notifier(&services)
            .deliver(&notification, &trace, until.delivery_deadline(), None, &pauses(behaviours))
            .await;
        for (service, sequence) in services.called() {
            if matches!(behaviours[service], Behaviour::Accepts | Behaviour::Refuses) {
                self.receive(service, sequence);
            }
        }
        let is_settled = |name: &str| settled.keys().any(|service| service.to_string() == *name);
        Observed::Called(mask(NAMES.iter().map(|name| is_settled(name))))
    }

    /// A callback that settles its service. Every third responds with 410: the model has none, and
    /// for the outbox it is the same.
    fn next_success(&mut self) -> Behaviour {
        self.successes += 1;
        if self.successes.is_multiple_of(3) { Behaviour::Refuses } else { Behaviour::Accepts }
    }

    /// A failure of a callback; each kind has its turn.
    fn next_failure(&mut self) -> Behaviour {
        let kinds = [Behaviour::Fails, Behaviour::Breaks, Behaviour::AsksToWait, Behaviour::Paused];
        // A pause counts no attempt and ends no retries.
        // It has no outcome, so that a confirmation takes one write.
        let is_paused_once = self.retry_limit.is_none() && self.members == 1;
        let kinds = if is_paused_once { &kinds[..] } else { &kinds[..3] };
        self.failures += 1;
        kinds[self.failures % kinds.len()]
    }

    fn notifier(&self, services: &std::sync::Arc<Services>) -> Notifier {
        let names = (0..SERVICES).flat_map(|service| members(service, self.members));
        let configured = names.map(|name| {
            let url = format!("https://{name}.example/");
            (name, json!({"url": url, "acknowledges": self.has_deadline}))
        });
        let configured = json!(configured.collect::<serde_json::Map<_, _>>()).to_string();
        let registry = Registry::from_json(&configured, AddressPolicy::PublicOnly).unwrap();
        let keys = SIGNING_KEY.parse().unwrap();
        Notifier::with_client(registry, keys, services.client(), CALLBACK_TIMEOUT, services.clock())
    }

    /// The dispatch of a process, with callbacks as they were. It observes which services are
    /// reported.
    pub(crate) async fn dispatch(&mut self, pid: ProcessId, clock: Time, ledger: Ledger) -> Observed {
        let Process { notification, read_at, to_notify, mut behaviours, check_at, .. } =
            self.process(pid).clone();
        let (notification, mut start, end) = (notification.unwrap(), read_at.unwrap(), self.at(clock));
        if due(&notification, end) == to_notify {
            start = end;
        } else {
            // The clock is past another next attempt now, but was not when the callbacks began.
            behaviours = behaviours.map(|it| if it == Behaviour::Paused { Behaviour::Fails } else { it });
        }
        let (services, pauses) = (Services::new(behaviours, start, end), pauses(behaviours));
        let dispatcher = Dispatcher {
            ledger,
            notifier: self.notifier(&services),
            pauses: PauseCache::new(pauses.paused().map(|(service, _)| service.clone()).collect()),
        };
        let breakers = CircuitBreakers::default();
        let run = Run { breakers: &breakers, pauses: &pauses, now: check_at.unwrap_or(end), audit };
        let is_redeliverer = matches!(pid.role(), Role::Redeliverer(_));
        let (trace, budget) = (TraceContext::from_xray(None), TimeBudget::new(None, REQUEST_TIMEOUT));
        let run = is_redeliverer.then_some(run);
        let Dispatched { settled, checked } =
            dispatcher.deliver_and_confirm(&notification, &trace, budget, run).await;
        let called = (0..SERVICES).filter(|service| to_notify & 1 << service != 0);
        if settled.len() != called.map(|service| members(service, self.members).count()).sum::<usize>() {
            return Observed::Other;
        }
        let is_reported =
            |name: &str| checked.iter().flatten().any(|finding| finding.service.to_string() == *name);
        Observed::Reported(mask(NAMES.iter().map(|name| is_reported(name))))
    }

    /// A dispatch that ends after the first of its two writes, or when that is rejected.
    pub(crate) async fn dispatch_in_part(&mut self, pid: ProcessId, clock: Time) -> Observed {
        self.dispatch(pid, clock, one_write::ledger(&self.table)).await
    }
}

/// The services that are due at `at`, a bit each.
pub(crate) fn due(notification: &Notification, at: EpochMillis) -> u8 {
    let is_due = |name: &str| notification.due(at).any(|(service, _)| service.to_string() == name);
    mask(NAMES.iter().map(|name| is_due(name)))
}

fn pauses(behaviours: [Behaviour; SERVICES]) -> Pauses {
    let pause = || Pause {
        at: EpochMillis::new(0),
        operator: "ada".to_owned(),
        reason: "moved".to_owned(),
        resumed: None,
    };
    let paused = (0..SERVICES).filter(|service| behaviours[*service] == Behaviour::Paused);
    paused.map(|service| (NAMES[service].parse::<ServiceName>().unwrap(), pause())).collect()
}

/// The findings are in the dispatcher's result.
fn audit(_: &Notification, _: Audited<'_>, _: &TraceContext, _: EpochMillis) {}
