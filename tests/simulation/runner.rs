//! Many rounds on all processors, and the report of those that fail.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    plan::Plan,
    regions::{Regions, Tables},
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
    /// No round starts after this time.
    limit: Duration,
    first_seed: u64,
    regions: Regions,
    /// Ends with the first failed round, and shrinks no plan.
    first_only: bool,
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
            limit: number("KEYSYNC_SIMULATION_SECONDS").map_or(Duration::MAX, Duration::from_secs),
            first_seed: number("KEYSYNC_SIMULATION_SEED").unwrap_or(1),
            regions: setting("KEYSYNC_SIMULATION_REGIONS")
                .map(|regions| regions.parse().expect("`one`, `strong` or `eventual`"))
                .unwrap_or_default(),
            first_only: setting("KEYSYNC_SIMULATION_FIRST_ONLY").is_some(),
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
    /// The sum of a hash of each trace, so that it does not depend on the order of the rounds.
    traces: AtomicU64,
    printed: AtomicU64,
    failed: Mutex<Vec<String>>,
    /// The violations of eventual consistency.
    survey: Mutex<Survey>,
}

/// The rounds that violate a guarantee.
type Survey = BTreeMap<&'static str, Surveyed>;

#[derive(Debug)]
struct Surveyed {
    rounds: u64,
    /// The smallest seed, and the first violation in its round.
    seed: u64,
    description: String,
}

/// Runs the rounds. Returns the command that repeats each failed one.
pub(crate) fn simulate(settings: &Settings) -> Vec<String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    println!("rounds from seed {} in {workers} threads", settings.first_seed);
    let progress = Progress {
        started: Instant::now(),
        next: AtomicU64::new(0),
        rounds: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        traces: AtomicU64::new(0),
        printed: AtomicU64::new(0),
        failed: Mutex::default(),
        survey: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(settings, &progress));
        }
    });
    progress.print();
    println!("traces {:016x}", progress.traces.load(Ordering::Relaxed));
    for (guarantee, surveyed) in &*progress.survey.lock().expect("no panic") {
        let Surveyed { rounds, seed, description } = surveyed;
        let plan = Plan { regions: settings.regions, ..Plan::of(*seed) };
        let part = smallest(&plan, Subset::of(&plan), guarantee);
        println!("{guarantee}: violated in {rounds} rounds, first with seed {seed}: {description}");
        println!("    {}", command(&plan, &part));
    }
    progress.failed.into_inner().expect("no panic")
}

fn work(settings: &Settings, progress: &Progress) {
    let mut tables = Tables::new(settings.regions);
    loop {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        let failed = progress.failed.lock().expect("no panic").len();
        let most = if settings.first_only { 1 } else { MAX_FAILED_ROUNDS };
        let is_over = progress.started.elapsed() >= settings.limit;
        if number >= settings.rounds || failed >= most || is_over {
            return;
        }
        let seed = settings.first_seed + number;
        let plan = Plan { regions: settings.regions, ..Plan::of(seed) };
        let part = settings.part.clone().unwrap_or_else(|| Subset::of(&plan));
        let played = play(&plan.part(&part), &tables);
        progress.rounds.fetch_add(1, Ordering::Relaxed);
        progress.steps.fetch_add(played.steps, Ordering::Relaxed);
        progress.traces.fetch_add(hash(&played.trace), Ordering::Relaxed);
        if settings.regions == Regions::Eventual && settings.part.is_none() {
            progress.count(seed, &played);
        } else if !played.violations.is_empty() {
            let guarantee = played.violations[0].guarantee;
            let part = if settings.first_only { part } else { smallest(&plan, part, guarantee) };
            let command = report(&plan, &part, &played, number + 1);
            progress.failed.lock().expect("no panic").push(command);
            tables = Tables::new(settings.regions);
        }
        let tick = progress.started.elapsed().as_secs() / PROGRESS_SECONDS;
        if progress.printed.fetch_max(tick, Ordering::Relaxed) < tick {
            progress.print();
        }
    }
}

/// The start of a trace's SHA-256.
fn hash(trace: &str) -> u64 {
    digest(&SHA256, trace.as_bytes())
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// The smallest part of a failed plan that violates the same guarantee.
fn smallest(plan: &Plan, part: Subset, guarantee: &str) -> Subset {
    let fails = |part: &Subset| {
        let tables = Tables::new(plan.regions);
        play(&plan.part(part), &tables).violations.iter().any(|violation| violation.guarantee == guarantee)
    };
    shrink(part, fails)
}

/// Prints a failed round. Returns the command that repeats it.
fn report(plan: &Plan, part: &Subset, played: &Played, number: u64) -> String {
    let guarantee = played.violations[0].guarantee;
    let again = play(&plan.part(part), &Tables::new(plan.regions));
    let mut text = format!("\n== seed {} violates {guarantee} (round {number})\n", plan.seed);
    for violation in &played.violations {
        let _ = writeln!(text, "{}: {}", violation.guarantee, violation.description);
    }
    let _ = writeln!(text, "-- the trace of the steps {part}\n{}", again.trace);
    let command = command(plan, part);
    println!("{text}-- repeat with: {command}\n");
    command
}

/// The command that plays a part of a plan.
fn command(plan: &Plan, part: &Subset) -> String {
    let regions = match plan.regions {
        Regions::One => "",
        Regions::Strong => " --regions strong",
        Regions::Eventual => " --regions eventual",
    };
    format!("cargo task simulate --rounds 1 --seed {}{regions} --steps {part}", plan.seed)
}

impl Progress {
    /// Counts the guarantees that a round violates.
    fn count(&self, seed: u64, played: &Played) {
        let mut first = BTreeMap::new();
        for violation in &played.violations {
            first.entry(violation.guarantee).or_insert(&violation.description);
        }
        let mut survey = self.survey.lock().expect("no panic");
        for (guarantee, description) in first {
            let first = || Surveyed { rounds: 0, seed: u64::MAX, description: String::new() };
            let entry = survey.entry(guarantee).or_insert_with(first);
            entry.rounds += 1;
            if seed < entry.seed {
                (entry.seed, entry.description) = (seed, description.clone());
            }
        }
    }

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
