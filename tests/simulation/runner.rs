//! Many rounds on all processors, and the report of those that fail.

use std::{
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use keysync_dynamodb_emulator::EmbeddedTable;

use crate::{
    plan::Plan,
    round::{Played, play},
    shrink::shrink,
    subset::Subset,
};

/// Rounds unless `KEYSYNC_SIMULATION_ROUNDS` is set.
const DEFAULT_ROUNDS: u64 = 40;
/// Failed rounds after which no more are started.
const MAX_FAILED_ROUNDS: usize = 3;
/// Seconds between two lines of progress.
const PROGRESS_SECONDS: u64 = 10;

/// What to simulate.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    rounds: u64,
    first_seed: u64,
    /// A part of the plan; all of it by default.
    part: Option<Subset>,
}

impl Settings {
    /// The settings of `cargo task simulate`, in environment variables.
    pub(crate) fn from_environment() -> Self {
        let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let number = |name: &str| setting(name).map(|value| value.parse().expect("a number"));
        Self {
            rounds: number("KEYSYNC_SIMULATION_ROUNDS").unwrap_or(DEFAULT_ROUNDS),
            first_seed: number("KEYSYNC_SIMULATION_SEED").unwrap_or(1),
            part: setting("KEYSYNC_SIMULATION_STEPS").map(|steps| steps.parse().expect("steps of a plan")),
        }
    }
}

/// The rounds so far.
struct Progress {
    started: Instant,
    next: AtomicU64,
    rounds: AtomicU64,
    steps: AtomicU64,
    printed: AtomicU64,
    failed: Mutex<Vec<String>>,
}

/// Runs the rounds. Returns the command that repeats each failed one.
pub(crate) fn simulate(settings: &Settings) -> Vec<String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{} rounds from seed {} in {workers} threads", settings.rounds, settings.first_seed);
    let progress = Progress {
        started: Instant::now(),
        next: AtomicU64::new(0),
        rounds: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        printed: AtomicU64::new(0),
        failed: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(settings, &progress));
        }
    });
    progress.print();
    progress.failed.into_inner().expect("no panic")
}

fn work(settings: &Settings, progress: &Progress) {
    let mut table = EmbeddedTable::in_memory().expect("a table");
    loop {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        if number >= settings.rounds || progress.failed.lock().expect("no panic").len() >= MAX_FAILED_ROUNDS {
            return;
        }
        let seed = settings.first_seed + number;
        let plan = Plan::of(seed);
        let part = settings.part.clone().unwrap_or_else(|| Subset::of(&plan));
        let played = play(&plan.part(&part), &table);
        progress.rounds.fetch_add(1, Ordering::Relaxed);
        progress.steps.fetch_add(played.steps, Ordering::Relaxed);
        if !played.violations.is_empty() {
            let command = report(&plan, part, &played, number + 1);
            progress.failed.lock().expect("no panic").push(command);
            table = EmbeddedTable::in_memory().expect("a table");
        }
        let tick = progress.started.elapsed().as_secs() / PROGRESS_SECONDS;
        if progress.printed.fetch_max(tick, Ordering::Relaxed) < tick {
            progress.print();
        }
    }
}

/// Shrinks a failed round, and prints it. Returns the command that repeats it.
fn report(plan: &Plan, part: Subset, played: &Played, number: u64) -> String {
    let guarantee = played.violations[0].guarantee;
    let fails = |part: &Subset| {
        let table = EmbeddedTable::in_memory().expect("a table");
        play(&plan.part(part), &table).violations.iter().any(|violation| violation.guarantee == guarantee)
    };
    let smallest = shrink(part, fails);
    let table = EmbeddedTable::in_memory().expect("a table");
    let again = play(&plan.part(&smallest), &table);
    let mut text = format!("\n== seed {} violates {guarantee} (round {number})\n", plan.seed);
    for violation in &played.violations {
        let _ = writeln!(text, "{}: {}", violation.guarantee, violation.description);
    }
    let _ = writeln!(text, "-- the trace of the steps {smallest}\n{}", again.trace);
    let command = format!("cargo task simulate --rounds 1 --seed {} --steps {smallest}", plan.seed);
    println!("{text}-- repeat with: {command}\n");
    command
}

impl Progress {
    fn print(&self) {
        let (rounds, steps) = (self.rounds.load(Ordering::Relaxed), self.steps.load(Ordering::Relaxed));
        let seconds = self.started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let per_second = |count: u64| count as f64 / seconds;
        println!(
            "{rounds} rounds, {steps} steps in {seconds:.0} s: {:.0} rounds/s, {:.0} steps/s",
            per_second(rounds),
            per_second(steps)
        );
    }
}
