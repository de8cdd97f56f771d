//! One round: its phases, and in the end the proof that everybody comes to know everything.

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
use keysync_testkit::services::Behaviour;
use tokio::sync::{oneshot, watch};

use crate::{
    history::{Callback, Entry, History, Item, Moment, Reading, Told},
    plan::{Deed, Kill, Phase, Plan, When, Whom},
    stats::Stats,
    weather::{Holds, behaviour_name},
    world::World,
};
use keysync_testkit::dynamodb::Fault;

/// Longer than any `retry-after` of a plan, and a lease on top.
const LONG_ENOUGH: Duration = Duration::from_mins(121);
/// Longer than any back-off.
const A_WHILE: Duration = Duration::from_mins(61);
/// Runs of redelivery after which an outbox is empty. One does it, unless the machine is too busy to answer
/// in time. Together with what went before they stay below the 24 hours after which a callback is given up.
const RUNS: usize = 10;

/// Tells which hold of its proxy a kill waits for; `None` where it waits for a callback.
type Signal = Option<oneshot::Receiver<usize>>;

/// A round that goes on.
pub(crate) struct Round<'a> {
    pub(crate) world: &'a World,
    pub(crate) plan: &'a Plan,
    pub(crate) stats: &'a Stats,
    /// The ids of its keys.
    pub(crate) keys: Vec<String>,
    /// Events that were published, to come once more.
    pub(crate) older: Mutex<Vec<String>>,
    /// Counts deaths, by `Whom`: in process those who call hear of it and hang up.
    pub(crate) deaths: [watch::Sender<usize>; 3],
    entries: Mutex<Vec<Entry>>,
    ticks: AtomicU64,
    began: EpochMillis,
    /// How far the past was moved back, in ms.
    moved: AtomicU64,
}

impl<'a> Round<'a> {
    /// A round with its keys, and the services associated with them.
    pub(crate) async fn new(world: &'a World, plan: &'a Plan, stats: &'a Stats) -> Self {
        let mut round = Self {
            world,
            plan,
            stats,
            keys: Vec::new(),
            older: Mutex::default(),
            deaths: Default::default(),
            entries: Mutex::default(),
            ticks: AtomicU64::default(),
            began: world.harness.clock().now(),
            moved: AtomicU64::default(),
        };
        for (key, resources) in plan.keys.iter().enumerate() {
            let id = world.manager().create_key(&format!("k{key}"), false).await.unwrap();
            round.keys.push(id);
            for (service, resource) in resources {
                round.register(key, *service, *resource, true).await;
            }
        }
        round.read(false).await;
        round
    }

    /// Lets everything happen that the plan says, and then all that has to.
    pub(crate) async fn play(&self) {
        for phase in &self.plan.phases {
            self.go_through(phase).await;
        }
        self.settle().await;
        self.advance_clock(LONG_ENOUGH).await;
        join_all((0..self.keys.len()).map(|key| self.calm_sync(key))).await;
        self.settle().await;
    }

    async fn go_through(&self, phase: &Phase) {
        let behaviours = self.change_weather(phase);
        let (holds, signals): (Vec<Holds>, Vec<_>) = self.holds(&phase.kills);
        for (((proxy, holds), held), n) in
            self.world.proxies().into_iter().zip(holds).zip(&self.world.held).zip(0..)
        {
            phase.weather.over_dynamo(n, proxy, held, holds);
        }
        let deeds = join_all(phase.deeds.iter().map(|deed| self.go(deed)));
        let kills = join_all(signals.into_iter().map(|(kill, signal)| self.strike(kill, signal)));
        // A kill whose point is never reached ends with the phase.
        select(pin!(deeds), pin!(join(kills, pending::<()>()))).await;
        self.world.clear_faults();
        self.world.wait_until_quiet().await;
        self.collect(&behaviours);
        self.read(false).await;
        self.advance_clock(phase.travel).await;
    }

    async fn go(&self, deed: &Deed) {
        match *deed {
            Deed::Sync { caller, key, correlation, tries } => {
                self.sync(caller, key, correlation, tries).await;
            }
            Deed::Act { key, action } => self.act(key, action).await,
            Deed::Muddle { key, seed } => self.muddle(key, seed).await,
            Deed::Repeat { seed } => self.repeat(seed).await,
            Deed::Register { key, service, resource, registered } => {
                self.register(key, service, resource, registered).await;
            }
            Deed::Redeliver => self.redeliver().await,
        }
    }

    /// How each service will treat its callbacks.
    fn change_weather(&self, phase: &Phase) -> Vec<Vec<Behaviour>> {
        let services = self.world.harness.services();
        let url =
            |n: usize| format!("{}/{}/callbacks", self.world.harness.services_url(), services[n].name());
        services
            .iter()
            .zip(0..)
            .map(|(service, n)| {
                let elsewhere = url((n + 1) % services.len());
                let behaviours = phase.weather.over_service(n as u64, &elsewhere);
                for behaviour in &behaviours {
                    service.behave_next(1, behaviour.clone());
                }
                behaviours
            })
            .collect()
    }

    /// Where the proxies stop, and what tells the killers that they did.
    fn holds(&self, kills: &[Kill]) -> (Vec<Holds>, Vec<(Kill, Signal)>) {
        let mut holds: Vec<Holds> = self.world.proxies().iter().map(|_| Holds::new()).collect();
        let mut signals = Vec::new();
        for kill in kills {
            let (call, fault) = match kill.when {
                When::BeforeCall(call) => (call, Fault::HoldRequest),
                When::AfterCall(call) => (call, Fault::HoldResponse),
                When::Callback { .. } => {
                    signals.push((*kill, None));
                    continue;
                }
            };
            let (reached, signal) = oneshot::channel();
            // Two kills at one call are one.
            holds[kill.whom as usize].insert(call, (fault, reached));
            signals.push((*kill, Some(signal)));
        }
        (holds, signals)
    }

    /// Kills at the planned point, if it is ever reached.
    async fn strike(&self, Kill { whom, when }: Kill, signal: Signal) {
        match (when, signal) {
            (When::Callback { service, nth }, _) => self.world.wait_for_callback(service, nth).await,
            (_, Some(signal)) => {
                let Ok(number) = signal.await else { return };
                self.world.proxies()[whom as usize].wait_until_held(number).await;
            }
            (_, None) => return,
        }
        self.note(format!("{whom:?} is killed: {when:?}"));
        self.stats.killed(whom);
        self.world.kill(whom).await;
        self.deaths[whom as usize].send_modify(|deaths| *deaths += 1);
    }

    /// All is well from now on: in the end every outbox is empty.
    async fn settle(&self) {
        for run in 0..RUNS {
            if self.is_settled().await {
                break;
            }
            self.advance_clock(if run == 0 { LONG_ENOUGH } else { A_WHILE }).await;
            self.redeliver().await;
        }
        self.collect(&[]);
        self.read(true).await;
    }

    async fn is_settled(&self) -> bool {
        let items = join_all(self.keys.iter().map(|key| self.world.item(key))).await;
        items.iter().all(|item| item.get("due_at").is_none())
    }

    async fn advance_clock(&self, by: Duration) {
        let moved = self.world.advance_clock(by).await;
        if !moved.is_zero() {
            // What these say of when they happened is not moved with the table.
            self.older().clear();
        }
        self.moved.fetch_add(u64::try_from(moved.as_millis()).unwrap(), Ordering::Relaxed);
        self.note(format!("later by {by:?}"));
    }

    /// Reads what the table and the services know.
    async fn read(&self, settled: bool) {
        for key in 0..self.keys.len() {
            let (item, at) = (self.item(key).await, self.now());
            let services = self.world.harness.services().iter();
            let told = services.filter_map(|service| {
                let told = service.last_state(&self.keys[key])?;
                let told = Told { sequence: told.sequence, state: told.key_state, version: told.key_version };
                Some((service.name().to_owned(), told))
            });
            self.record(Entry::Reading(Reading { key, at, item, told: told.collect(), settled }));
        }
    }

    pub(crate) async fn item(&self, key: usize) -> Item {
        Item::read(&self.world.item(&self.keys[key]).await, |instant| self.on_our_clock(instant))
    }

    /// Takes the callbacks that came, and counts what went wrong with them and with calls to DynamoDB.
    fn collect(&self, behaviours: &[Vec<Behaviour>]) {
        let tick = self.now().tick;
        for (n, (service, received)) in self.world.take_callbacks().into_iter().enumerate() {
            for (nth, received) in received.into_iter().enumerate() {
                let behaviour = behaviours.get(n).and_then(|all| all.get(nth)).unwrap_or(&Behaviour::Act);
                self.stats.called_back(behaviour_name(behaviour));
                let at = Moment { tick, at: self.on_our_clock(received.at.get()) };
                let key = |id: &str| self.keys.iter().position(|key| key == id);
                match Callback::read(&received, service.name(), at, behaviour, key) {
                    Some(callback) => self.record(Entry::Callback(callback)),
                    None => self.defect(format!("{} received no event: {}", service.name(), received.body)),
                }
            }
        }
        for proxy in self.world.proxies() {
            proxy.take_calls().into_iter().for_each(|call| self.stats.called(call.fault));
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        Moment { tick, at: self.on_our_clock(self.world.harness.clock().now().get()) }
    }

    /// An instant of the machine's clock, or of the table, on the round's.
    fn on_our_clock(&self, instant: u64) -> u64 {
        (instant + self.moved.load(Ordering::Relaxed)).saturating_sub(self.began.get())
    }

    pub(crate) fn older(&self) -> MutexGuard<'_, Vec<String>> {
        self.older.lock().unwrap()
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

    /// What happened, all told.
    pub(crate) fn history(&self) -> History {
        let letters = self.world.harness.dead_letters().letters();
        History {
            entries: self.entries.lock().unwrap().clone(),
            dead_letters: letters.into_iter().map(|letter| letter.reason).collect(),
        }
    }

    /// Whose death it hears of.
    pub(crate) fn deaths_of(&self, whom: Whom) -> watch::Receiver<usize> {
        self.deaths[whom as usize].subscribe()
    }
}
