//! Rounds of random faults: DynamoDB that loses answers, is late, throttles, fails or is cut off; services
//! that reset, hang, answer half a body, redirect, refuse; processes that are killed. What happened is
//! written down, and [`check`] says whether it may.
//!
//! A seed decides a round: who does what, which call fails how, at which call or callback a process dies,
//! and how much time passes in between (`plan.rs`, `weather.rs`). It does not decide what the machine does
//! with it. In process one thread runs everything on a clock that stands still, so a round comes again
//! nearly as it was, and differs only by the order in which sockets become ready. On the real binaries the
//! operating system decides whose turn it is: a seed that failed there may have to run a few times.
//!
//! `tests/fault-rounds` runs as many as it is told, from a fresh seed; without it this is a short run for CI, from seed 1.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod check;
mod deeds;
#[path = "../shared/engine.rs"]
mod engine;
mod history;
mod plan;
mod reading;
mod round;
mod stats;
mod weather;
mod world;

use std::{
    collections::VecDeque,
    fmt::Write,
    panic::AssertUnwindSafe,
    sync::Mutex,
    time::{Duration, Instant},
};

use check::{Violation, check};
use futures_util::FutureExt;
use history::{Entry, History, Moment};
use plan::{Kind, Plan};
use round::Round;
use stats::Stats;
use world::World;

/// How many, where nobody says.
const ROUNDS_IN_CI: usize = 40;
/// Of so many rounds one is on the real binaries, where nobody says.
const ONE_REAL_OF: u64 = 10;
/// From so many rounds on every kind of fault must have been there.
const ENOUGH_FOR_ALL_FAULTS: usize = 200;
/// Harnesses at once. Rounds mostly wait: for the SDK to try again, for time-outs.
const LANES: [(Kind, usize); 2] = [(Kind::InProcess, 10), (Kind::Real, 3)];
/// A round that takes longer hangs.
const TIME_LIMIT: Duration = Duration::from_mins(3);
/// After so many failed rounds no more are begun.
const FAILED_IS_ENOUGH: usize = 5;

/// What is still to do, and what failed.
struct Agenda {
    seeds: Mutex<[VecDeque<u64>; 2]>,
    failed: Mutex<Vec<String>>,
    stats: Stats,
}

#[test]
fn rounds_of_random_faults() {
    let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let count = setting("KEYSYNC_ROUNDS").map(|count| count.parse().unwrap());
    let seed = setting("KEYSYNC_ROUNDS_SEED").map(|seed| seed.parse().unwrap());
    let first = seed.unwrap_or(1);
    let count = count.unwrap_or(ROUNDS_IN_CI);
    let only = setting("KEYSYNC_ROUNDS_KIND").map(|kind| match kind.as_str() {
        "in-process" => Kind::InProcess,
        "real" => Kind::Real,
        other => panic!("KEYSYNC_ROUNDS_KIND is `in-process` or `real`: got `{other}`"),
    });
    let kind = |seed: u64| match only {
        Some(kind) => kind,
        None if seed.is_multiple_of(ONE_REAL_OF) => Kind::Real,
        None => Kind::InProcess,
    };
    let mut seeds = [VecDeque::new(), VecDeque::new()];
    (first..).take(count).for_each(|seed| seeds[kind(seed) as usize].push_back(seed));
    println!("{count} rounds from seed {first} on");

    let agenda = Agenda { seeds: Mutex::new(seeds), failed: Mutex::default(), stats: Stats::default() };
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (kind, lanes) in LANES {
            let lanes = lanes.min(agenda.seeds.lock().unwrap()[kind as usize].len());
            let agenda = &agenda;
            (0..lanes).for_each(|_| drop(scope.spawn(move || lane(agenda, kind))));
        }
    });
    println!("{}\ntook                 {:.1} s", agenda.stats, began.elapsed().as_secs_f64());
    let failed = agenda.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} round(s) failed; again with\n  {}", failed.len(), failed.join("\n  "));
    let missing = agenda.stats.missing();
    assert!(count < ENOUGH_FOR_ALL_FAULTS || only.is_some() || missing.is_empty(), "never came: {missing:?}");
}

/// Rounds one after the other on one harness and one thread.
fn lane(agenda: &Agenda, kind: Kind) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::start(kind).await;
        while let Some(seed) = agenda.next(kind) {
            let plan = Plan::of(seed, kind);
            let history = play(&world, &plan, &agenda.stats).await;
            let violations = check(&history);
            if !violations.is_empty() {
                agenda.failed(&plan, &history, &violations);
                // What went wrong may have left something behind.
                world = World::start(kind).await;
            }
            if agenda.stats.played(kind).is_multiple_of(50) {
                println!("{}", agenda.stats.progress());
            }
        }
    });
}

/// Plays a round, and makes a defect of whatever goes wrong with that.
async fn play(world: &World, plan: &Plan, stats: &Stats) -> History {
    // The jitter of back-offs, the SDK's and ours, is of this thread, too.
    fastrand::seed(plan.seed);
    let round = Round::new(world, plan, stats).await;
    let played = AssertUnwindSafe(tokio::time::timeout(TIME_LIMIT, round.play())).catch_unwind().await;
    match played {
        Ok(Ok(())) => forget(world, &round).await,
        Ok(Err(_)) => round.defect(format!("it hangs: not over after {TIME_LIMIT:?}")),
        Err(_) => round.defect("it panicked: see above".to_owned()),
    }
    round.history()
}

async fn forget(world: &World, round: &Round<'_>) {
    for key in &round.keys {
        world.forget(key).await;
    }
}

impl Agenda {
    fn next(&self, kind: Kind) -> Option<u64> {
        if self.failed.lock().unwrap().len() >= FAILED_IS_ENOUGH {
            return None;
        }
        self.seeds.lock().unwrap()[kind as usize].pop_front()
    }

    /// Prints all that is to know about a round that failed.
    fn failed(&self, plan: &Plan, history: &History, violations: &[Violation]) {
        let kind = if plan.kind == Kind::Real { "--real" } else { "--in-process" };
        let again = format!("tests/fault-rounds 1 --seed {} {kind}", plan.seed);
        let mut text = format!("\n== round {} failed ({:?})\n", plan.seed, plan.kind);
        for violation in violations {
            let _ = writeln!(text, "{violation}");
        }
        let _ = writeln!(text, "-- what happened (#: order, then minutes:seconds on the round's clock)");
        let mut entries: Vec<_> = history.entries.iter().map(|entry| (entry.moment(), entry)).collect();
        entries.sort_by_key(|(moment, _)| (moment.at, moment.tick));
        for (_, entry) in entries {
            let _ = writeln!(text, "{entry}");
        }
        println!("{text}-- again: {again}\n");
        self.failed.lock().unwrap().push(again);
    }
}

impl Entry {
    fn moment(&self) -> Moment {
        match self {
            Self::Sync(sync) => sync.span.began,
            Self::Lifecycle(action) => action.span.began,
            Self::Registration(change) => change.span.began,
            Self::Reading(reading) => reading.at,
            Self::Callback(callback) => callback.at,
            Self::Note(at, _) | Self::Defect(at, _) => *at,
        }
    }
}
