//! One associated service: its resources, what it was told of their keys, how it behaves.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use keysync::domain::EpochMillis;
use keysync_receiver::{Notification, Order, Sequence};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::Behaviour;
use keysync_emulator_support::journal::Journal;

/// How many callbacks a service remembers; the oldest are forgotten first.
const REMEMBERED: usize = 10_000;

/// A handle to a service; clones are the same service.
#[derive(Clone, Debug)]
pub struct AssociatedService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    journal: Journal,
    state: Mutex<State>,
    /// Counts callbacks, so that a test can wait for one.
    arrivals: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    resources: BTreeMap<String, Protected>,
    told: BTreeMap<String, NotifiedState>,
    received: VecDeque<Received>,
    usually: Behaviour,
    /// How it treats the next callbacks, each with for how many.
    next: VecDeque<(usize, Behaviour)>,
    /// What a flaky service decides by.
    chance: fastrand::Rng,
}

/// A resource that a key protects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Protected {
    /// Its CRN.
    pub crn: String,
    /// The id of the key.
    pub key_id: String,
}

/// What a service was last told of a key, and acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotifiedState {
    /// The key's state: 1 active, 2 suspended, 3 deactivated, 5 destroyed.
    pub key_state: u8,
    /// The id of the key's version.
    pub key_version: String,
    /// The place of that notification among the key's.
    pub sequence: u64,
}

/// A callback that reached the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Received {
    /// When, in epoch ms.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub at: EpochMillis,
    /// Its headers, without those of the connection.
    pub headers: BTreeMap<String, String>,
    /// Its body, as it came.
    pub body: String,
    /// What the service made of it.
    pub verdict: Verdict,
}

impl Received {
    /// The event that it holds; null where its body is no JSON.
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What a service made of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It acted on it.
    Acted,
    /// It had acted on this very event before.
    Repeated,
    /// It knows of a later one.
    Stale,
    /// Its behaviour was not to act.
    Ignored,
    /// It did not believe it.
    Rejected(String),
}

impl State {
    /// What was said of the next callback, counted down.
    fn take_next(&mut self) -> Option<Behaviour> {
        let (left, behaviour) = self.next.front_mut()?;
        if *left > 1 {
            *left -= 1;
            return Some(behaviour.clone());
        }
        self.next.pop_front().map(|(_, behaviour)| behaviour)
    }
}

impl AssociatedService {
    /// A service that acts on what it is told.
    #[must_use]
    pub fn new(name: &str, journal: Journal) -> Self {
        let (arrivals, _) = watch::channel(0);
        Self(Arc::new(Inner { name: name.to_owned(), journal, state: Mutex::default(), arrivals }))
    }

    /// Its CRN service name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How it treats callbacks from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut state = self.state();
        if let Behaviour::Flaky { seed, .. } = behaviour {
            state.chance = fastrand::Rng::with_seed(seed);
        }
        state.usually = behaviour;
        state.next.clear();
    }

    /// Forgets everything and acts on what it is told.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    /// How it treats the next `times` callbacks, before it goes back to what is usual.
    pub fn behave_next(&self, times: usize, behaviour: Behaviour) {
        if times > 0 {
            self.state().next.push_back((times, behaviour));
        }
    }

    /// The callbacks that reached it, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.iter().cloned().collect()
    }

    /// The callbacks that reached it, which are forgotten here.
    #[must_use]
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut self.state().received).into()
    }

    /// What it was last told of a key, and acted on.
    #[must_use]
    pub fn last_state(&self, key: impl AsRef<str>) -> Option<NotifiedState> {
        self.state().told.get(key.as_ref()).cloned()
    }

    /// Puts a resource, by its CRN, under a key.
    pub fn protect(&self, name: &str, crn: &str, key_id: &str) {
        let resource = Protected { crn: crn.to_owned(), key_id: key_id.to_owned() };
        self.state().resources.insert(name.to_owned(), resource);
    }

    /// Its resources by name.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<String, Protected> {
        self.state().resources.clone()
    }

    /// Whether a resource opens: a service reads with a key that is active or deactivated, and refuses
    /// with one that is suspended or destroyed. `None` where there is no such resource.
    #[must_use]
    pub fn opens(&self, name: &str) -> Option<Result<Protected, NotifiedState>> {
        let state = self.state();
        let resource = state.resources.get(name)?.clone();
        match state.told.get(&resource.key_id) {
            Some(told) if !matches!(told.key_state, 1 | 3) => Some(Err(told.clone())),
            _ => Some(Ok(resource)),
        }
    }

    /// How it treats the callback that has just arrived.
    pub(super) fn next_behaviour(&self) -> Behaviour {
        let mut state = self.state();
        let behaviour = state.take_next().unwrap_or_else(|| state.usually.clone());
        match behaviour {
            Behaviour::Flaky { percent, .. } if state.chance.u8(..100) < percent => Behaviour::respond(503),
            Behaviour::Flaky { .. } => Behaviour::Act,
            behaviour => behaviour,
        }
    }

    /// Acts on a verified callback, unless it is older than what is known. At-least-once delivery means
    /// that this must bear repeats and late comers.
    pub(super) fn act(&self, told: Notification) -> Verdict {
        let mut state = self.state();
        let known = state.told.get(&told.key_id).map(|known| Sequence(known.sequence));
        match told.sequence.after(known) {
            Order::Stale => Verdict::Stale,
            Order::Repeated => Verdict::Repeated,
            Order::Newer => {
                let now_known = NotifiedState {
                    key_state: told.key_state.number(),
                    key_version: told.key_version.id,
                    sequence: told.sequence.0,
                };
                state.told.insert(told.key_id, now_known);
                Verdict::Acted
            }
        }
    }

    pub(super) fn remember(&self, received: Received) {
        let mut state = self.state();
        if state.received.len() == REMEMBERED {
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
    use keysync::Clock;

    use super::*;

    #[test]
    fn any_number_of_callbacks_takes_no_room() {
        let service = AssociatedService::new("a-service", Journal::new(Clock::system()));
        service.behave_next(0, Behaviour::Hang);
        service.behave_next(2, Behaviour::Reset);
        service.behave_next(usize::MAX, Behaviour::AckWithoutActing);
        service.behave_next(1, Behaviour::Hang);
        let next: Vec<_> = (0..5).map(|_| service.next_behaviour()).collect();
        let [reset, miss] = [Behaviour::Reset, Behaviour::AckWithoutActing];
        assert_eq!(next, [reset.clone(), reset, miss.clone(), miss.clone(), miss]);
        service.behave(Behaviour::Act);
        assert_eq!(service.next_behaviour(), Behaviour::Act, "what was said before is over");
    }
}
