//! One round: its phases, then a final check that redelivery empties every outbox.

use std::{
    pin::pin,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join, join_all, pending, select};
use keysync::domain::EpochMillis;
use keysync_testkit::{KeyType, services::Behaviour};
use tokio::sync::{oneshot, watch};

use crate::{
    fault_schedule::{Holds, behaviour_name},
    history::{Callback, Entry, History, Item, Moment, Notified, Snapshot},
    plan::{Action, Kill, KillPoint, Phase, Plan, Target},
    stats::Stats,
    trace::{self, Step},
    world::World,
};
use keysync_testkit::dynamodb::Fault;

/// Longer than the largest `retry-after` of a plan plus a lease.
const AFTER_RETRY_AFTER: Duration = Duration::from_mins(121);
/// Longer than the largest backoff.
const AFTER_BACKOFF: Duration = Duration::from_mins(61);
/// Maximum number of redelivery runs until every outbox is empty. One suffices unless a call times
/// out on a busy machine. With the phases before, they stay below the 24 hours after which
/// retries are exhausted.
const MAX_REDELIVERY_RUNS: usize = 10;

/// Receives the number of the held call that a kill waits for; `None` if it waits for a callback.
type Signal = Option<oneshot::Receiver<usize>>;

/// A running round.
pub(crate) struct Round<'a> {
    pub(crate) world: &'a World,
    pub(crate) plan: &'a Plan,
    pub(crate) stats: &'a Stats,
    /// The ids of the round's keys.
    pub(crate) keys: Vec<String>,
    /// Events published so far, which can be published again.
    pub(crate) published: Mutex<Vec<String>>,
    /// Number of kills by `Target`. In process, callers watch it and drop their connection.
    pub(crate) kills: [watch::Sender<usize>; 3],
    entries: Mutex<Vec<Entry>>,
    steps: Mutex<Vec<Step>>,
    /// Whether traces are recorded: by the embedded engine only.
    is_traced: bool,
    ticks: AtomicU64,
    began: EpochMillis,
    /// How far the table's times were moved back in total, in ms.
    moved: AtomicU64,
}

impl<'a> Round<'a> {
    /// Creates the keys of a round and their registrations.
    pub(crate) async fn new(world: &'a World, plan: &'a Plan, stats: &'a Stats) -> Self {
        let mut round = Self {
            world,
            plan,
            stats,
            keys: Vec::new(),
            published: Mutex::default(),
            kills: Default::default(),
            entries: Mutex::default(),
            steps: Mutex::default(),
            is_traced: false,
            ticks: AtomicU64::default(),
            began: world.harness.clock().now(),
            moved: AtomicU64::default(),
        };
        round.is_traced = world.harness.dynamodb().take_applied().is_some();
        for (key, resources) in plan.keys.iter().enumerate() {
            let id = world.manager().create_key(&format!("k{key}"), KeyType::Root).await.unwrap();
            round.keys.push(id);
            for (service, resource) in resources {
                round.register(key, *service, *resource, true).await;
            }
        }
        round.take_snapshots(false).await;
        round
    }

    /// Runs the phases of the plan, then the syncs and redelivery runs that must succeed.
    pub(crate) async fn play(&self) {
        for phase in &self.plan.phases {
            self.run_phase(phase).await;
        }
        self.settle().await;
        self.advance_clock(AFTER_RETRY_AFTER).await;
        join_all((0..self.keys.len()).map(|key| self.final_sync(key))).await;
        self.settle().await;
    }

    async fn run_phase(&self, phase: &Phase) {
        let behaviours = self.schedule_behaviours(phase);
        let (holds, signals): (Vec<Holds>, Vec<_>) = self.holds(&phase.kills);
        for (((proxy, holds), held), n) in
            self.world.proxies().into_iter().zip(holds).zip(&self.world.held).zip(0..)
        {
            phase.faults.inject_into_proxy(n, proxy, held, holds);
        }
        let actions = join_all(phase.actions.iter().map(|action| self.run_action(action)));
        let kills = join_all(signals.into_iter().map(|(kill, signal)| self.execute_kill(kill, signal)));
        // A kill whose point is not reached is dropped at the end of the phase.
        select(pin!(actions), pin!(join(kills, pending::<()>()))).await;
        self.world.clear_faults();
        self.world.wait_until_quiet().await;
        self.collect(&behaviours);
        self.take_snapshots(false).await;
        self.advance_clock(phase.advance_by).await;
    }

    async fn run_action(&self, action: &Action) {
        match *action {
            Action::Sync { caller, key, correlation, attempts } => {
                self.sync(caller, key, correlation, attempts).await;
            }
            Action::Lifecycle { key, action } => self.lifecycle_action(key, action).await,
            Action::Reorder { key, seed } => self.reorder(key, seed).await,
            Action::Republish { seed } => self.republish(seed).await,
            Action::Register { key, service, resource, registered } => {
                self.register(key, service, resource, registered).await;
            }
            Action::Redeliver => self.redeliver().await,
        }
    }

    /// Schedules and returns the behaviours of each service in this phase.
    fn schedule_behaviours(&self, phase: &Phase) -> Vec<Vec<Behaviour>> {
        let services = self.world.harness.services();
        let url =
            |n: usize| format!("{}/{}/callbacks", self.world.harness.services_url(), services[n].name());
        services
            .iter()
            .zip(0..)
            .map(|(service, n)| {
                let redirect_url = url((n + 1) % services.len());
                let behaviours = phase.faults.service_behaviours(n as u64, &redirect_url);
                for behaviour in &behaviours {
                    service.behave_next(1, behaviour.clone());
                }
                behaviours
            })
            .collect()
    }

    /// The calls to hold at each proxy, and each kill with the signal that its point was reached.
    fn holds(&self, kills: &[Kill]) -> (Vec<Holds>, Vec<(Kill, Signal)>) {
        let mut holds: Vec<Holds> = self.world.proxies().iter().map(|_| Holds::new()).collect();
        let mut signals = Vec::new();
        for kill in kills {
            let (call, fault) = match kill.point {
                KillPoint::BeforeCall(call) => (call, Fault::HoldRequest),
                KillPoint::AfterCall(call) => (call, Fault::HoldResponse),
                KillPoint::Callback { .. } => {
                    signals.push((*kill, None));
                    continue;
                }
            };
            let (reached, signal) = oneshot::channel();
            // Two kills at the same call count as one.
            holds[kill.target as usize].insert(call, (fault, reached));
            signals.push((*kill, Some(signal)));
        }
        (holds, signals)
    }

    /// Waits for the point of a kill and kills the function's processes.
    async fn execute_kill(&self, Kill { target, point }: Kill, signal: Signal) {
        match (point, signal) {
            (KillPoint::Callback { service, nth }, _) => self.world.wait_for_callback(service, nth).await,
            (_, Some(signal)) => {
                let Ok(number) = signal.await else { return };
                self.world.proxies()[target as usize].wait_until_held(number).await;
            }
            (_, None) => return,
        }
        self.note(format!("{target:?} killed: {point:?}"));
        self.stats.killed(target);
        self.world.kill(target).await;
        self.kills[target as usize].send_modify(|kills| *kills += 1);
    }

    /// Runs redelivery without faults until every outbox is empty, at most [`MAX_REDELIVERY_RUNS`]
    /// times.
    async fn settle(&self) {
        for run in 0..MAX_REDELIVERY_RUNS {
            if self.is_settled().await {
                break;
            }
            self.advance_clock(if run == 0 { AFTER_RETRY_AFTER } else { AFTER_BACKOFF }).await;
            self.redeliver().await;
        }
        self.collect(&[]);
        self.take_snapshots(true).await;
    }

    async fn is_settled(&self) -> bool {
        let items = join_all(self.keys.iter().map(|key| self.world.item(key))).await;
        items.iter().all(|item| item.get("due_at").is_none())
    }

    async fn advance_clock(&self, by: Duration) {
        self.collect_writes(); // with the times before
        let moved = self.world.advance_clock(by).await;
        if !moved.is_zero() {
            // The times in these events are not moved with the table, so they cannot be published
            // again.
            self.published().clear();
        }
        self.moved.fetch_add(u64::try_from(moved.as_millis()).unwrap(), Ordering::Relaxed);
        self.note(format!("clock advanced by {by:?}"));
    }

    /// Records a snapshot of every key: its item, and what each service last acted on.
    async fn take_snapshots(&self, settled: bool) {
        for key in 0..self.keys.len() {
            let (item, at) = (self.item(key).await, self.now());
            let services = self.world.harness.services().iter();
            let notified = services.filter_map(|service| {
                let last = service.last_state(&self.keys[key])?;
                let state = last.key_state.into();
                let last = Notified { sequence: last.sequence, state, version: last.key_version };
                Some((service.name().to_owned(), last))
            });
            self.record(Entry::Snapshot(Snapshot { key, at, item, notified: notified.collect(), settled }));
        }
    }

    pub(crate) async fn item(&self, key: usize) -> Item {
        Item::parse(&self.world.item(&self.keys[key]).await, |instant| self.on_round_clock(instant))
    }

    /// Records the callbacks since the last call, and counts their faults and those of DynamoDB
    /// calls.
    fn collect(&self, behaviours: &[Vec<Behaviour>]) {
        self.collect_writes();
        let tick = self.now().tick;
        for (n, (service, received)) in self.world.take_callbacks().into_iter().enumerate() {
            for (nth, received) in received.into_iter().enumerate() {
                let behaviour = behaviours.get(n).and_then(|all| all.get(nth)).unwrap_or(&Behaviour::Act);
                self.stats.called_back(behaviour_name(behaviour));
                let at = Moment { tick, at: self.on_round_clock(received.at.get()) };
                let key = |id: &str| self.keys.iter().position(|key| key == id);
                match Callback::parse(&received, service.name(), at, behaviour, key) {
                    Some(callback) => {
                        let (key, id) = (callback.key, &callback.event_id);
                        let refuses = callback.behaviour.contains("410");
                        self.trace(trace::callback(&received, key, id, at.at, refuses));
                        self.record(Entry::Callback(callback));
                    }
                    None => self.defect(format!(
                        "{} received a request that is not an event: {}",
                        service.name(),
                        received.text()
                    )),
                }
            }
        }
        for proxy in self.world.proxies() {
            proxy.take_calls().into_iter().for_each(|call| self.stats.called(call.fault));
        }
    }

    /// Adds the writes since the last call to the traces.
    fn collect_writes(&self) {
        for applied in self.world.harness.dynamodb().take_applied().into_iter().flatten() {
            let pk = applied.request["Key"]["pk"]["S"].as_str().unwrap_or_default();
            let key = self.keys.iter().position(|key| pk.ends_with(&**key));
            self.trace(key.map(|key| trace::write(&applied, key, |instant| self.on_round_clock(instant))));
        }
    }

    pub(crate) fn trace(&self, step: Option<Step>) {
        self.steps.lock().unwrap().extend(step);
    }

    pub(crate) fn now(&self) -> Moment {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        Moment { tick, at: self.on_round_clock(self.world.harness.clock().now().get()) }
    }

    /// Converts a time of the harness's clock or of the table to the round's clock.
    fn on_round_clock(&self, instant: u64) -> u64 {
        (instant + self.moved.load(Ordering::Relaxed)).saturating_sub(self.began.get())
    }

    pub(crate) fn published(&self) -> MutexGuard<'_, Vec<String>> {
        self.published.lock().unwrap()
    }

    pub(crate) fn note(&self, text: String) {
        self.record(Entry::Note(self.now(), text));
    }

    pub(crate) fn defect(&self, text: String) {
        self.record(Entry::Defect(self.now(), text));
    }

    pub(crate) fn record(&self, entry: Entry) {
        self.entries.lock().unwrap().push(entry);
    }

    /// The history so far.
    pub(crate) fn history(&self) -> History {
        let letters = self.world.harness.dead_letters().letters();
        History {
            entries: self.entries.lock().unwrap().clone(),
            dead_letters: letters.into_iter().map(|letter| letter.reason).collect(),
            traces: if self.is_traced {
                trace::by_key(self.steps.lock().unwrap().clone(), self.keys.len())
            } else {
                Vec::new()
            },
        }
    }

    /// Subscribes to the kills of a function.
    pub(crate) fn subscribe_to_kills(&self, target: Target) -> watch::Receiver<usize> {
        self.kills[target as usize].subscribe()
    }
}
