//! An associated service: its resources, the notified states of their keys, its behaviour.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
};

use axum::body::Bytes;
use http::{HeaderMap, HeaderName};
use keysync::domain::EpochMillis;
use keysync_receiver::{Notification, Order, Sequence};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tokio::sync::watch;

use super::{Acknowledgement, Acknowledger, Behaviour, plan::Plan};
use keysync_emulator_support::journal::Journal;

/// Maximum number of recorded callbacks. The oldest are dropped first.
const MAX_RECORDED: usize = 10_000;

/// A handle to a service. Clones share its state.
#[derive(Clone, Debug)]
pub struct AssociatedService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    journal: Journal,
    acknowledger: OnceLock<Acknowledger>,
    state: Mutex<State>,
    /// Number of callbacks, which a test can wait for.
    arrivals: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    resources: BTreeMap<String, Protected>,
    /// Last notified state of each key, by key ID.
    last_states: BTreeMap<String, NotifiedState>,
    received: VecDeque<Received>,
    plan: Plan,
}

/// A resource that a key protects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Protected {
    /// CRN of the resource.
    pub crn: String,
    /// ID of the key.
    pub key_id: String,
}

/// The last notification about a key on which the service acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct NotifiedState {
    /// State of the key: 1 active, 2 suspended, 3 deactivated, 5 destroyed.
    pub key_state: u8,
    /// ID of the key's version.
    pub key_version: String,
    /// Sequence number of the notification, per key.
    pub sequence: u64,
}

/// What a service keeps in a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ServiceState {
    /// Resources by name.
    pub resources: BTreeMap<String, Protected>,
    /// Last notified state of each key on which the service acted, by key ID.
    pub last_states: BTreeMap<String, NotifiedState>,
}

/// A callback that the service received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Received {
    /// Its place among all steps that the journal has numbered.
    #[serde(skip)]
    pub number: u64,
    /// Time of receipt, in milliseconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub at: EpochMillis,
    /// Headers as received. In JSON, the values of a repeated header are joined with `, `.
    #[serde(serialize_with = "joined")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub headers: HeaderMap,
    /// Body as received. In JSON, a string, in which U+FFFD replaces bytes that are not UTF-8.
    #[serde(serialize_with = "text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub body: Bytes,
    /// Result of processing the callback.
    pub verdict: Verdict,
}

impl Received {
    /// The event in the body, or null if the body is not JSON.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text, in which U+FFFD replaces bytes that are not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The first value of a header; empty if the header is missing or the value is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn joined<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name.as_str(), values(headers, name))))
}

fn values(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(", ")
}

fn text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}

/// Result of processing a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// The service acted on the event.
    Acted,
    /// The service had acted on the same event before.
    Repeated,
    /// The service has acted on a later event of the key.
    Stale,
    /// The service did not act, because of its behaviour.
    Ignored,
    /// Verification failed, with this error.
    Rejected(String),
}

impl AssociatedService {
    /// Creates a service that acts on its notifications.
    #[must_use]
    pub fn new(name: &str, journal: Journal) -> Self {
        let (arrivals, _) = watch::channel(0);
        let (name, acknowledger, state) = (name.to_owned(), OnceLock::new(), Mutex::default());
        Self(Arc::new(Inner { name, journal, acknowledger, state, arrivals }))
    }

    /// Makes the service acknowledge whatever it acts on from now on. Only the first acknowledger
    /// counts.
    pub fn acknowledge_with(&self, acknowledger: Acknowledger) {
        drop(self.0.acknowledger.set(acknowledger));
    }

    /// CRN service name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Removes all resources, states and callbacks, and restores the default behaviour.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    /// The recorded callbacks, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.iter().cloned().collect()
    }

    /// Takes the recorded callbacks, oldest first. They are no longer recorded.
    #[must_use]
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut self.state().received).into()
    }

    /// The last notified state of a key on which the service acted.
    #[must_use]
    pub fn last_state(&self, key: impl AsRef<str>) -> Option<NotifiedState> {
        self.state().last_states.get(key.as_ref()).cloned()
    }

    /// Adds a resource that a key protects, or replaces the one with its name.
    pub fn protect(&self, name: &str, crn: &str, key_id: &str) {
        let resource = Protected { crn: crn.to_owned(), key_id: key_id.to_owned() };
        self.state().resources.insert(name.to_owned(), resource);
    }

    /// The resources by name.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<String, Protected> {
        self.state().resources.clone()
    }

    /// Checks access to a resource. A key that is active or deactivated, or about which there
    /// was no notification, allows access. A key that is suspended or destroyed denies it, with the
    /// notified state as the error. `None` if the resource is unknown.
    #[must_use]
    pub fn access(&self, name: &str) -> Option<Result<Protected, NotifiedState>> {
        let state = self.state();
        let resource = state.resources.get(name)?.clone();
        match state.last_states.get(&resource.key_id) {
            Some(last) if !matches!(last.key_state, 1 | 3) => Some(Err(last.clone())),
            _ => Some(Ok(resource)),
        }
    }

    /// The resources and the notified states.
    #[must_use]
    pub fn state_to_store(&self) -> ServiceState {
        let State { resources, last_states, .. } = &*self.state();
        ServiceState { resources: resources.clone(), last_states: last_states.clone() }
    }

    /// Replaces the resources and the notified states.
    pub fn restore_state(&self, stored: ServiceState) {
        let ServiceState { resources, last_states } = stored;
        let mut state = self.state();
        state.resources = resources;
        state.last_states = last_states;
    }

    /// The behaviour for the callback with this event.
    pub(super) fn next_behaviour(&self, event: &Value) -> Behaviour {
        self.state().plan.next(event)
    }

    /// Changes the planned behaviours.
    pub(super) fn plan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.state().plan);
    }

    /// Acts on a verified notification, unless it is a duplicate or older than the last one.
    /// Delivery is at least once, so both are expected.
    pub(super) fn act(&self, notification: Notification) -> Verdict {
        let mut state = self.state();
        let last = state.last_states.get(&notification.key_id).map(|last| Sequence(last.sequence));
        match notification.sequence.after(last) {
            Order::Stale => Verdict::Stale,
            Order::Repeated => Verdict::Repeated,
            Order::Newer => {
                let notified = NotifiedState {
                    key_state: notification.key_state.number(),
                    key_version: notification.key_version.id,
                    sequence: notification.sequence.0,
                };
                state.last_states.insert(notification.key_id, notified);
                Verdict::Acted
            }
        }
    }

    pub(super) fn acknowledge(&self, acknowledgement: &Acknowledgement) {
        if let Some(acknowledger) = self.0.acknowledger.get() {
            acknowledger.send(acknowledgement);
        }
    }

    pub(super) fn record(&self, mut received: Received) {
        received.number = self.0.journal.next_number();
        let mut state = self.state();
        if state.received.len() == MAX_RECORDED {
            state.received.pop_front();
        }
        state.received.push_back(received);
        drop(state);
        self.0.arrivals.send_modify(|count| *count += 1);
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    pub(super) fn arrivals(&self) -> watch::Receiver<usize> {
        self.0.arrivals.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_callback_keeps_repeated_headers_and_bytes() {
        let mut headers = HeaderMap::new();
        for value in ["v1a,one", "v1a,two"] {
            headers.append("webhook-signature", value.parse().unwrap());
        }
        let body = Bytes::from_static(b"{\"subject\":\"k\"}\xff");
        let received =
            Received { number: 0, at: EpochMillis::new(7), headers, body, verdict: Verdict::Ignored };
        assert_eq!(received.headers.get_all("webhook-signature").iter().count(), 2);
        assert_eq!((received.header("webhook-signature"), received.header("webhook-id")), ("v1a,one", ""));
        assert_eq!((received.body.last(), received.event()), (Some(&0xff), Value::Null));
        let json = serde_json::to_value(&received).unwrap();
        assert_eq!(json["headers"]["webhook-signature"], "v1a,one, v1a,two");
        assert_eq!(json["body"], "{\"subject\":\"k\"}\u{fffd}");
    }
}
