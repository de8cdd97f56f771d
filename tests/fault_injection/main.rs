//! Rounds of random fault injection. DynamoDB loses responses, responds late, throttles, fails or
//! is unreachable; services reset connections, hang, truncate bodies, redirect or reject; processes
//! are killed. Each round records a history, and [`check`] finds the guarantees that it violates.
//!
//! The seed of a round decides its actions, which calls fail and how, the call or callback at which
//! a process is killed, and how far the clock is advanced between phases (`plan.rs`,
//! `fault_schedule.rs`). It does not decide scheduling. In process, one thread runs everything on a
//! stopped clock, so a round repeats except for the order in which sockets become ready. With the
//! real binaries the operating system schedules the processes: a seed that failed there may have to
//! run a few times to fail again.
//!
//! `cargo task faults [ROUNDS]` runs any number of rounds from a random seed. `cargo test` alone
//! runs a short series from seed 1.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

mod actions;
#[path = "../shared/binaries.rs"]
mod binaries;
mod checker;
#[path = "../shared/engine.rs"]
mod engine;
mod fault_schedule;
mod history;
mod parse;
mod plan;
mod round;
mod stats;
#[path = "../shared/trace.rs"]
mod trace;
mod world;

use std::{
    collections::VecDeque,
    fmt::Write,
    panic::AssertUnwindSafe,
    sync::Mutex,
    time::{Duration, Instant},
};

use checker::{Violation, check};
use futures_util::FutureExt;
use history::{Entry, History, Moment};
use plan::{Kind, Plan};
use round::Round;
use stats::Stats;
use world::World;

/// Number of rounds unless `KEYSYNC_ROUNDS` is set.
const DEFAULT_ROUNDS: usize = 40;
/// Every round whose seed is a multiple of this runs on the real binaries, unless
/// `KEYSYNC_ROUNDS_KIND` is set.
const REAL_ROUND_INTERVAL: u64 = 10;
/// Number of rounds from which every kind of fault must have occurred.
const ROUNDS_FOR_ALL_FAULTS: usize = 200;
/// Concurrent harnesses by kind. A round mostly waits for SDK retries and timeouts.
const WORKERS: [(Kind, usize); 2] = [(Kind::InProcess, 10), (Kind::Real, 3)];
/// Time after which a round counts as hanging.
const TIME_LIMIT: Duration = Duration::from_mins(3);
/// Number of failed rounds after which no more are started.
const MAX_FAILED_ROUNDS: usize = 5;

/// The seeds still to run, and the results so far.
struct Queue {
    seeds: Mutex<[VecDeque<u64>; 2]>,
    failed: Mutex<Vec<String>>,
    stats: Stats,
}

#[test]
fn random_faults_violate_no_guarantee() {
    let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let count = setting("KEYSYNC_ROUNDS").map(|count| count.parse().unwrap());
    let seed = setting("KEYSYNC_ROUNDS_SEED").map(|seed| seed.parse().unwrap());
    let first = seed.unwrap_or(1);
    let count = count.unwrap_or(DEFAULT_ROUNDS);
    let only = setting("KEYSYNC_ROUNDS_KIND").map(|kind| match kind.as_str() {
        "in-process" => Kind::InProcess,
        "real" => Kind::Real,
        other => panic!("KEYSYNC_ROUNDS_KIND must be `in-process` or `real`: got `{other}`"),
    });
    let kind = |seed: u64| match only {
        Some(kind) => kind,
        None if seed.is_multiple_of(REAL_ROUND_INTERVAL) => Kind::Real,
        None => Kind::InProcess,
    };
    let mut seeds = [VecDeque::new(), VecDeque::new()];
    (first..).take(count).for_each(|seed| seeds[kind(seed) as usize].push_back(seed));
    println!("{count} rounds, starting at seed {first}");

    let queue = Queue { seeds: Mutex::new(seeds), failed: Mutex::default(), stats: Stats::default() };
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (kind, workers) in WORKERS {
            let workers = workers.min(queue.seeds.lock().unwrap()[kind as usize].len());
            let queue = &queue;
            (0..workers).for_each(|_| drop(scope.spawn(move || work(queue, kind))));
        }
    });
    println!("{}\nduration             {:.1} s", queue.stats, began.elapsed().as_secs_f64());
    let failed = queue.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} round(s) failed; repeat with\n  {}", failed.len(), failed.join("\n  "));
    let missing = queue.stats.missing();
    assert!(
        count < ROUNDS_FOR_ALL_FAULTS || only.is_some() || missing.is_empty(),
        "faults that never occurred: {missing:?}"
    );
}

/// Runs rounds one after the other on one harness and one thread.
fn work(queue: &Queue, kind: Kind) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::start(kind).await;
        while let Some(seed) = queue.next(kind) {
            let plan = Plan::of(seed, kind);
            let history = play(&world, &plan, &queue.stats).await;
            let violations = check(&history);
            if !violations.is_empty() {
                queue.failed(&plan, &history, &violations);
                // The failed round may have left state behind.
                world = World::start(kind).await;
            }
            if queue.stats.played(kind).is_multiple_of(50) {
                println!("{}", queue.stats.progress());
            }
        }
    });
}

/// Plays a round. A panic or a hang becomes a defect in its history.
async fn play(world: &World, plan: &Plan, stats: &Stats) -> History {
    // Seeds this thread's generator, from which the backoffs of the SDK and of keysync draw their
    // jitter.
    fastrand::seed(plan.seed);
    let round = Round::new(world, plan, stats).await;
    let played = AssertUnwindSafe(tokio::time::timeout(TIME_LIMIT, round.play())).catch_unwind().await;
    match played {
        Ok(Ok(())) => delete_keys(world, &round).await,
        Ok(Err(_)) => round.defect(format!("the round hangs: not finished after {TIME_LIMIT:?}")),
        Err(_) => round.defect("the round panicked: see above".to_owned()),
    }
    round.history()
}

async fn delete_keys(world: &World, round: &Round<'_>) {
    for key in &round.keys {
        world.delete_key(key).await;
    }
}

impl Queue {
    fn next(&self, kind: Kind) -> Option<u64> {
        if self.failed.lock().unwrap().len() >= MAX_FAILED_ROUNDS {
            return None;
        }
        self.seeds.lock().unwrap()[kind as usize].pop_front()
    }

    /// Prints the violations and the history of a failed round, and the command that repeats it.
    fn failed(&self, plan: &Plan, history: &History, violations: &[Violation]) {
        let kind = if plan.kind == Kind::Real { "--real" } else { "--in-process" };
        let command = format!("cargo task faults 1 --seed {} {kind}", plan.seed);
        let mut text = format!("\n== round {} failed ({:?})\n", plan.seed, plan.kind);
        for violation in violations {
            let _ = writeln!(text, "{violation}");
        }
        let _ = writeln!(text, "-- history (#: order, then minutes:seconds on the round's clock)");
        let mut entries: Vec<_> = history.entries.iter().map(|entry| (entry.moment(), entry)).collect();
        entries.sort_by_key(|(moment, _)| (moment.at, moment.tick));
        for (_, entry) in entries {
            let _ = writeln!(text, "{entry}");
        }
        println!("{text}-- repeat with: {command}\n");
        self.failed.lock().unwrap().push(command);
    }
}

impl Entry {
    fn moment(&self) -> Moment {
        match self {
            Self::Sync(sync) => sync.span.began,
            Self::Lifecycle(action) => action.span.began,
            Self::Registration(change) => change.span.began,
            Self::Snapshot(snapshot) => snapshot.at,
            Self::Callback(callback) => callback.at,
            Self::Note(at, _) | Self::Defect(at, _) => *at,
        }
    }
}
