//! One associated service: its resources, what it was told of their keys, how it behaves.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keysync::key::EpochMillis;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::{Behaviour, Callback};
use crate::journal::Journal;

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
    told: BTreeMap<String, Told>,
    received: VecDeque<Received>,
    usually: Behaviour,
    next: VecDeque<Behaviour>,
    /// What a flaky service decides by.
    chance: fastrand::Rng,
}

/// A resource that a key protects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Protected {
    /// Its CRN.
    pub crn: String,
    /// The id of the key.
    pub key_id: String,
}

/// What a service was last told of a key, and acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Told {
    /// The key's state: 1 active, 2 suspended, 3 deactivated, 5 destroyed.
    pub key_state: u8,
    /// The id of the key's version.
    pub key_version: String,
    /// The place of that notification among the key's.
    pub sequence: u64,
}

/// A callback that reached the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Received {
    /// When, in epoch ms.
    #[schema(value_type = u64)]
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
    ///
    /// ```no_run
    /// # fn example(received: keysync_harness::services::Received) {
    /// assert_eq!(received.event()["type"], "com.ibm.cloud.kms.key.delete");
    /// # }
    /// ```
    #[must_use]
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What a service made of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
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

impl AssociatedService {
    /// A service that acts on what it is told.
    pub(crate) fn new(name: &str, journal: Journal) -> Self {
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
    pub(crate) fn reset(&self) {
        *self.state() = State::default();
    }

    /// How it treats the next `times` callbacks, before it goes back to what is usual.
    pub fn behave_next(&self, times: usize, behaviour: Behaviour) {
        self.state().next.extend(std::iter::repeat_n(behaviour, times));
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
    pub fn told(&self, key: impl AsRef<str>) -> Option<Told> {
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
    pub fn opens(&self, name: &str) -> Option<Result<Protected, Told>> {
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
        match state.next.pop_front().unwrap_or_else(|| state.usually.clone()) {
            Behaviour::Flaky { percent, .. } if state.chance.u8(..100) < percent => Behaviour::answer(503),
            Behaviour::Flaky { .. } => Behaviour::Act,
            behaviour => behaviour,
        }
    }

    /// Acts on a verified callback, unless it is older than what is known. At-least-once delivery means
    /// that this must bear repeats and late comers.
    pub(super) fn act(&self, callback: Callback) -> Verdict {
        let mut state = self.state();
        let Callback { key_id, key_state, key_version, sequence, .. } = callback;
        let known = state.told.get(&key_id).map_or(0, |told| told.sequence);
        match sequence.cmp(&known) {
            std::cmp::Ordering::Less => Verdict::Stale,
            std::cmp::Ordering::Equal => Verdict::Repeated,
            std::cmp::Ordering::Greater => {
                state.told.insert(key_id, Told { key_state, key_version, sequence });
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
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
