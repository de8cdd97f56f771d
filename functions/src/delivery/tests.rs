//! Tests of which services a delivery calls, and a circuit for tests of other modules.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::{client::FailureScope, *};
use crate::{
    http_client::{Request, SendError, Transport},
    ledger::{
        Pause,
        item::{Retry, tests::notification},
    },
};

const HOUR: Duration = Duration::from_hours(1);

/// Records failures of `service` until its circuit is open.
pub(crate) fn open_circuit(breakers: &CircuitBreakers, service: &ServiceName) {
    while breakers.state(service) == CircuitState::Closed {
        breakers.record(service, &failed(None));
    }
}

fn failed(retry_after: Option<Duration>) -> Delivery {
    let (reason, scope) = ("responded with 503".to_owned(), FailureScope::Service);
    Delivery::Failed { reason, retry_after, scope }
}

fn storage() -> ServiceName {
    "cloud-object-storage".parse().unwrap()
}

/// A receiver that accepts all callbacks.
#[derive(Clone, Debug, Default)]
struct Accepting(Arc<AtomicUsize>);

impl Transport for Accepting {
    fn send(&self, _: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, SendError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(http::Response::new(Bytes::new())) })
    }
}

/// A notifier of one service, `after` the notification.
fn notifier(receiver: &Accepting, after: Duration, callback_timeout: Duration) -> Notifier {
    let service =
        r#"{"cloud-object-storage":{"url":"https://a.example/","acknowledges":true,"timeoutSeconds":9}}"#;
    let now = notification().at.plus(after);
    Notifier::with_client(
        Registry::from_json(service, AddressPolicy::PublicOnly).unwrap(),
        "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=".parse().unwrap(),
        HttpClient::new().with_transport(Arc::new(receiver.clone())),
        callback_timeout,
        Clock::from_fn(move || now),
    )
}

/// The callbacks of a delivery `after` the notification, and the status of its outcome.
async fn delivered(
    after: Duration,
    breakers: Option<&CircuitBreakers>,
    pauses: &Pauses,
) -> (usize, Option<OutcomeStatus>) {
    let receiver = Accepting::default();
    let mut notification = notification();
    notification.key.pending.retain(|service, _| *service == storage());
    let deadline = Instant::now() + HOUR;
    let trace = TraceContext::from_xray(None);
    let notifier = notifier(&receiver, after, HOUR);
    let settled = notifier.deliver(&notification, &trace, deadline, breakers, pauses).await;
    assert_eq!(settled.len(), 1);
    let outcome = settled.get(&storage()).and_then(|settlement| settlement.outcome.as_ref());
    (receiver.0.load(Ordering::SeqCst), outcome.map(|outcome| outcome.status))
}

#[tokio::test]
async fn only_services_without_pause_are_called() {
    let called = (1, Some(OutcomeStatus::Delivered));
    assert_eq!(delivered(Duration::ZERO, None, &Pauses::default()).await, called);
    let at = notification().at;
    let pause = Pause { at, operator: "ada".to_owned(), reason: "moved".to_owned(), resumed: None };
    let paused = |service: ServiceName| Pauses::from_iter([(service, pause.clone())]);
    assert_eq!(delivered(Duration::ZERO, None, &paused(storage())).await.0, 0);
    assert_eq!(delivered(Duration::ZERO, None, &paused("other".parse().unwrap())).await, called);
}

#[tokio::test]
async fn held_service_is_called_for_the_last_attempt() {
    let none = Pauses::default();
    let breakers = CircuitBreakers::default();
    breakers.record(&storage(), &failed(Some(HOUR)));
    assert!(matches!(breakers.state(&storage()), CircuitState::Held(_)));
    assert_eq!(delivered(Duration::ZERO, Some(&breakers), &none).await.0, 0);
    let last = delivered(RETRY_PERIOD, Some(&breakers), &none).await;
    assert_eq!(last, (1, Some(OutcomeStatus::Delivered)));
    open_circuit(&breakers, &"other".parse().unwrap());
    assert_eq!(delivered(Duration::ZERO, Some(&CircuitBreakers::default()), &none).await.0, 1);
}

#[test]
fn longest_timeout_is_of_any_service() {
    let longest =
        |callback_timeout| notifier(&Accepting::default(), HOUR, callback_timeout).longest_timeout();
    assert_eq!(longest(Duration::from_secs(5)), Duration::from_secs(9));
    assert_eq!(longest(Duration::from_secs(10)), Duration::from_secs(10));
}

#[test]
fn only_configured_services_acknowledge() {
    let acknowledges = |json: &str| {
        let mut notifier = notifier(&Accepting::default(), HOUR, HOUR);
        notifier.registry = Registry::from_json(json, AddressPolicy::PublicOnly).unwrap();
        notifier.acknowledges(&storage())
    };
    assert!(acknowledges(r#"{"cloud-object-storage":{"url":"https://a.example/","acknowledges":true}}"#));
    assert!(!acknowledges(r#"{"cloud-object-storage":{"url":"https://a.example/"}}"#));
    assert!(!acknowledges("{}"));
}

#[test]
fn outcomes_have_their_names_in_the_log() {
    let deliveries = [
        Delivery::Delivered,
        Delivery::Refused,
        failed(None),
        Delivery::Deferred { retry_after: None },
        Delivery::Paused,
    ];
    let names = deliveries.each_ref().map(Delivery::as_str);
    assert_eq!(names, ["delivered", "refused", "failed", "deferred", "paused"]);
}

/// Counters, by name without their labels.
#[derive(Clone, Debug, Default)]
struct Counters(Arc<Mutex<BTreeMap<String, u64>>>);

struct Registered(String, Counters);

impl CounterFn for Registered {
    fn increment(&self, value: u64) {
        *self.1.0.lock().unwrap().entry(self.0.clone()).or_default() += value;
    }

    fn absolute(&self, value: u64) {
        self.1.0.lock().unwrap().insert(self.0.clone(), value);
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Registered(key.name().to_owned(), self.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// A receiver that is down.
#[derive(Debug)]
struct Down;

impl Transport for Down {
    fn send(&self, _: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, SendError>> {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Box::pin(async { Ok(response) })
    }
}

/// The counts of retries, failures and exhausted deliveries after an attempt.
fn counted(is_down: bool, attempts_before: Option<u32>, after: Duration) -> [u64; 3] {
    let mut notification = notification();
    notification.key.pending.retain(|service, _| *service == storage());
    if let Some(attempts) = attempts_before {
        notification.key.retries.insert(storage(), Retry { attempts, next_at: notification.at });
    }
    let mut notifier = notifier(&Accepting::default(), after, HOUR);
    if is_down {
        notifier.http = HttpClient::new().with_transport(Arc::new(Down));
    }
    let counters = Counters::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&counters, || {
        runtime.block_on(async {
            let (trace, deadline) = (TraceContext::from_xray(None), Instant::now() + HOUR);
            notifier.deliver(&notification, &trace, deadline, None, &Pauses::default()).await
        })
    });
    let counters = counters.0.lock().unwrap();
    ["Retries", "CallbackFailures", "NotificationsFailed"]
        .map(|name| counters.get(name).copied().unwrap_or_default())
}

#[test]
fn retries_failures_and_exhausted_ones_are_counted() {
    let (soon, last) = (Duration::ZERO, RETRY_PERIOD);
    assert_eq!(counted(false, None, soon), [0, 0, 0]);
    assert_eq!(counted(false, Some(1), soon), [1, 0, 0]);
    assert_eq!(counted(true, None, soon), [0, 1, 0]);
    assert_eq!(counted(true, Some(2), soon), [1, 1, 0]);
    assert_eq!(counted(true, Some(2), last), [1, 1, 2], "by service and without");
    assert_eq!(counted(false, Some(2), last), [1, 0, 0]);
}
