//! An associated service: its resources, the notified states of their keys, its behaviour.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
};

use keysync::domain::KeyState;
use keysync_receiver::{Notification, Order, Sequence};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::{Acknowledgement, Acknowledger, Behaviour, Received, Verdict, plan::Plan};
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
pub(super) struct State {
    pub(super) resources: BTreeMap<String, Protected>,
    /// Last notified state of each key, by key ID.
    pub(super) last_states: BTreeMap<String, NotifiedState>,
    pub(super) received: VecDeque<Received>,
    pub(super) plan: Plan,
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
    /// State of the key; in JSON its number: 1 active, 2 suspended, 3 deactivated, 5 destroyed.
    #[cfg_attr(feature = "openapi", schema(value_type = u8))]
    pub key_state: KeyState,
    /// ID of the key's version.
    pub key_version: String,
    /// Sequence number of the notification, per key.
    pub sequence: u64,
}

/// Access to a resource, by the last notified state of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The key is active or deactivated, or there was no notification about it.
    Allowed(Protected),
    /// The key is suspended or destroyed, by this notification.
    Denied(NotifiedState),
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

    /// Checks access to a resource; `None` if the resource is unknown.
    #[must_use]
    pub fn access(&self, name: &str) -> Option<Access> {
        let state = self.state();
        let resource = state.resources.get(name)?.clone();
        match state.last_states.get(&resource.key_id) {
            Some(last) if !is_accessible(last.key_state) => Some(Access::Denied(last.clone())),
            _ => Some(Access::Allowed(resource)),
        }
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
                    key_state: state_of(&notification),
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

fn is_accessible(state: KeyState) -> bool {
    matches!(state, KeyState::Active | KeyState::Deactivated)
}

/// The state as the functions have it: the library of receivers shares no code with them.
fn state_of(notification: &Notification) -> KeyState {
    match notification.key_state {
        keysync_receiver::KeyState::Active => KeyState::Active,
        keysync_receiver::KeyState::Suspended => KeyState::Suspended,
        keysync_receiver::KeyState::Deactivated => KeyState::Deactivated,
        keysync_receiver::KeyState::Destroyed => KeyState::Destroyed,
    }
}
