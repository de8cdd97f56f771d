//! The world of a round: the table, the time, and what is known about the keys, the services and
//! the requests. The functions see the table and their peers only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keysync::{
    Clock,
    domain::{EpochMillis, InstanceId},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::{task::AbortHandle, time::Instant};

use crate::{
    functions::Clients,
    invocation::Invocation,
    key::Key,
    pauses::Pause,
    plan::{Function, INSTANCES, OUTSIDE, Plan, SERVICES},
    regions::{self, Replication, Tables},
    rules,
    trace::Trace,
};

/// The start of every round, in epoch ms.
pub(crate) const START: u64 = 1_795_500_000_000;
/// The account of the keys.
pub(crate) const ACCOUNT: &str = "a1b2c3";
/// Another account.
pub(crate) const FOREIGN_ACCOUNT: &str = "d4e5f6";

/// The world of a round.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) instance: InstanceId,
    pub(crate) tables: Tables,
    started: Instant,
    state: Mutex<State>,
}

/// What is known.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) trace: Trace,
    pub(crate) violations: Vec<Violation>,
    /// The number of calls, callbacks and responses.
    pub(crate) steps: u64,
    /// Whether all faults have ended.
    pub(crate) calm: bool,
    pub(crate) keys: Vec<Key>,
    pub(crate) services: Vec<Service>,
    pub(crate) replication: Replication,
    pub(crate) instances: [[Instance; INSTANCES]; 3],
    /// The bodies of the published events, in order.
    pub(crate) published: Vec<String>,
    /// The attempts to deliver, as (invocation, event id).
    pub(crate) attempts: BTreeSet<(u64, String)>,
    /// Those whose response was 410.
    pub(crate) rejections: BTreeSet<(u64, String)>,
    /// The writes to items of keys, as (time, invocation).
    pub(crate) writes: Vec<(u64, u64)>,
    /// The events that are not processed.
    pub(crate) in_queue: usize,
    pub(crate) reports: Vec<Report>,
    /// The events whose check was recorded after the deadline, and when.
    pub(crate) recorded_checks: BTreeMap<String, u64>,
    /// The number of the next invocation.
    pub(crate) invocations: u64,
}

/// An audit event of a service that did not act.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) event_id: String,
    pub(crate) kind: &'static str,
    /// The true time.
    pub(crate) at: u64,
}

/// An associated service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) pauses: Vec<Pause>,
    /// The instant until which it fails all callbacks.
    pub(crate) fails_until: u64,
    /// The instant until which it refuses all notifications.
    pub(crate) refuses_until: u64,
    /// The notifications of each key that it has, by sequence.
    pub(crate) received: BTreeMap<usize, BTreeMap<u64, Received>>,
    /// The status of its responses, by event id.
    pub(crate) responses: BTreeMap<String, BTreeSet<u16>>,
    /// The key's facts in each event: they must be the same in all attempts.
    pub(crate) facts: BTreeMap<String, String>,
}

/// A notification that a service has.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) event_id: String,
    pub(crate) key_state: u8,
    /// When the service first had it.
    pub(crate) at: u64,
}

/// An instance of a function.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    /// `None` before its first invocation and after a crash.
    pub(crate) clients: Option<Clients>,
    pub(crate) tasks: Vec<AbortHandle>,
}

/// A violated guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The guarantee, such as `G1`.
    pub(crate) guarantee: &'static str,
    pub(crate) description: String,
}

impl State {
    /// Ends the faults of calls, and the outages and rejections of services.
    pub(crate) fn end_faults(&mut self) {
        self.calm = true;
        for service in &mut self.services {
            (service.fails_until, service.refuses_until) = (0, 0);
        }
    }

    /// The earliest instant at which a key is due.
    pub(crate) fn earliest_due(&self) -> Option<u64> {
        self.keys.iter().flat_map(|key| key.items.iter().flatten()).filter_map(|item| item.due_at).min()
    }
}

impl World {
    pub(crate) fn new(plan: &Plan, tables: &Tables) -> Arc<Self> {
        let mut rng = plan.rng(OUTSIDE, 0);
        let mut uuid =
            || uuid::Builder::from_random_bytes(rng.u128(..).to_le_bytes()).into_uuid().to_string();
        let instance: InstanceId = uuid().parse().expect("a UUID");
        let keys = plan.keys.iter().map(|_| {
            let key = key_in(plan.shards, &uuid());
            let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{ACCOUNT}:{instance}:key:{key}");
            Key::new(crn.parse().expect("a CRN"), format!("{instance}#{key}"))
        });
        let state = State {
            trace: Trace::default(),
            violations: Vec::new(),
            steps: 0,
            calm: false,
            keys: keys.collect(),
            services: SERVICES.iter().map(|_| Service::default()).collect(),
            replication: Replication::default(),
            instances: Default::default(),
            published: Vec::new(),
            attempts: BTreeSet::new(),
            rejections: BTreeSet::new(),
            writes: Vec::new(),
            in_queue: 0,
            reports: Vec::new(),
            recorded_checks: BTreeMap::new(),
            invocations: 0,
        };
        let (plan, tables) = (plan.clone(), tables.clone());
        Arc::new(Self { plan, instance, tables, started: Instant::now(), state: Mutex::new(state) })
    }

    /// The time since the start of the round, in ms.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).expect("rounds take days")
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The clock of an instance.
    pub(crate) fn clock(self: &Arc<Self>, function: Function, instance: usize) -> Clock {
        let (started, ahead) = (self.started, self.plan.clocks[function as usize][instance]);
        Clock::from_fn(move || {
            let since = u64::try_from(started.elapsed().as_millis()).expect("rounds take days");
            EpochMillis::new((START + since).saturating_add_signed(ahead))
        })
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, text: &str) {
        let now = self.now();
        self.state().trace.add(now, text);
    }

    /// Records a violation.
    pub(crate) fn violated(&self, guarantee: &'static str, description: String) {
        self.note(&format!("VIOLATION of {guarantee}: {description}"));
        self.state().violations.push(Violation { guarantee, description });
    }

    /// Applies a call to the table, and checks every key's item that it changed.
    pub(crate) fn apply(&self, by: &Invocation, operation: &str, body: &[u8]) -> (u16, String) {
        self.state().steps += 1;
        let replica = by.replica();
        let (status, response) = self.tables.call(replica, operation, body);
        if matches!(operation, "GetItem" | "Query") {
            return (status, response);
        }
        let error = response.split_once('#').filter(|_| status != 200);
        let error = error.map_or("", |(_, rest)| rest.split('"').next().unwrap_or_default());
        self.note(&format!("{by} {operation}: {status} {error}"));
        if status == 200 {
            let now = self.now();
            self.state().writes.push((now, by.number));
        }
        // A rejected call has changed nothing, and a write names the keys of its items.
        let written = if status == 200 { std::str::from_utf8(body).unwrap_or_default() } else { "" };
        for key in (0..self.plan.keys.len()).filter(|key| written.contains(&*self.pk(*key))) {
            self.check_write(by, replica, key);
        }
        regions::replicate(&by.world, replica);
        (status, response)
    }

    fn check_write(&self, by: &Invocation, replica: usize, key: usize) {
        let now = self.now();
        let stored = self.tables.stored(replica, &self.pk(key));
        let mut state = self.state();
        let before = std::mem::replace(&mut state.keys[key].items[replica], stored);
        let Some(after) = state.keys[key].items[replica].clone() else { return };
        if before.as_ref() == Some(&after) {
            return;
        }
        state.trace.add(now, &format!("  k{key}: {}", after.summary()));
        let found = rules::after_write(self, &mut state, by, key, before.as_ref(), &after, now);
        drop(state);
        for Violation { guarantee, description } in found {
            self.violated(guarantee, format!("k{key}, by {by}: {description}"));
        }
    }

    fn pk(&self, key: usize) -> String {
        self.state().keys[key].pk.clone()
    }

    /// Ends an instance of a function, with everything that it does. Its next invocation starts
    /// with empty caches.
    pub(crate) fn crash(&self, function: Function, instance: usize) {
        self.note(&format!("{function:?}/{instance} crashes"));
        let mut state = self.state();
        let crashed = std::mem::take(&mut state.instances[function as usize][instance]);
        drop(state);
        for task in &crashed.tasks {
            task.abort();
        }
    }
}

/// This key id, or a similar one in the first `shards` of the due index.
fn key_in(shards: u128, id: &str) -> String {
    let id: u128 = id.parse::<uuid::Uuid>().expect("a UUID").as_u128();
    uuid::Uuid::from_u128(id - id % rules::SHARDS + id % shards).to_string()
}
