//! Deterministic simulation of the functions, their table and their peers.
//!
//! The use cases of the library `keysync` run in one thread, in simulated time, on a simulated
//! DynamoDB table (`table/`) and without sockets. One seed decides the plan of a round (`plan/`):
//! callers, lifecycle events, runs of `redeliver`, crashes, outages, clocks; and every latency and
//! fault (`invocation.rs`, `network.rs`, `peers.rs`). After each write, callback and response, the
//! guarantees are checked (`rules/`); at the end faults stop, and nothing may stay pending. The
//! same seed gives the same trace, byte for byte.
//!
//! `cargo task simulate` runs any number of rounds. `cargo test` alone runs a short series from the
//! first seed. `docs/explanation/simulation.md` explains the design and what it finds.

mod events;
mod functions;
mod invocation;
mod item;
mod key;
mod network;
mod pauses;
mod peers;
mod plan;
mod regions;
mod round;
mod rules;
mod runner;
mod shrink;
mod subset;
mod table;
mod trace;
mod world;

use std::{ops::RangeInclusive, process::Command};

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    plan::{Action, Caller, Faults, Plan, Step},
    regions::{Regions, Tables},
    round::play,
    runner::{Settings, simulate},
    shrink::shrink,
    subset::Subset,
};

/// Seeds whose traces are compared.
const COMPARED: RangeInclusive<u64> = 1..=10;
/// The steps that remain of a plan in which a broken rule finds a 409.
const MAX_SHRUNK_STEPS: usize = 3;
/// A time after every replica has the keys, in ms.
const HOURS: u64 = 2 * 3_600_000;
/// Set in a process that only prints the digest of its traces.
const CHILD: &str = "KEYSYNC_SIMULATION_CHILD";
/// The program of that process: this one by default, or one that was built in another way.
const CHILD_PROGRAM: &str = "KEYSYNC_SIMULATION_CHILD_PROGRAM";

/// A tenth faster than the system's: rounds allocate much, and keep little.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[test]
fn random_schedules_violate_no_guarantee() {
    let failed = simulate(&Settings::from_environment());
    assert!(failed.is_empty(), "{} round(s) failed; repeat with\n  {}", failed.len(), failed.join("\n  "));
}

#[test]
fn same_seed_gives_same_trace() {
    let traces = || -> Vec<String> {
        let tables = Tables::new(Regions::One);
        COMPARED.map(|seed| play(&Plan::of(seed), &tables).trace).collect()
    };
    let first = traces();
    let digest = format!("{:?}", digest(&SHA256, first.concat().as_bytes()));
    println!("traces {digest}");
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    // Backwards, so that a round cannot depend on the ones before it.
    let tables = Tables::new(Regions::One);
    for seed in COMPARED.rev() {
        let again = play(&Plan::of(seed), &tables).trace;
        let one = &first[usize::try_from(seed - COMPARED.start()).expect("few seeds")];
        let differs = one.lines().zip(again.lines()).find(|(one, again)| one != again);
        assert!(*one == again, "seed {seed} gives two traces: {differs:#?}");
    }
    let this = || std::env::current_exe().expect("this program");
    let child = Command::new(std::env::var_os(CHILD_PROGRAM).map_or_else(this, Into::into))
        .args(["same_seed_gives_same_trace", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("another process");
    let output = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(output.contains(&format!("traces {digest}")), "another process gives other traces: {output}");
}

#[test]
fn table_and_engine_give_the_same_responses() {
    let tables = Tables::new(Regions::One);
    for seed in (1..=10).map(|round| round * regions::COMPARED) {
        let played = play(&Plan::of(seed), &tables);
        assert!(played.violations.is_empty(), "seed {seed}: {:?}", played.violations);
        assert!(tables.compared() > 0, "seed {seed}: the engine was not called");
    }
}

/// A rule that is wrong, so that rounds fail: no sync is too early.
#[test]
fn failing_seed_is_shrunk_to_few_steps() {
    let tables = Tables::new(Regions::One);
    let fails = |plan: &Plan| play(plan, &tables).trace.contains("responds Some(409)");
    let is_long = |plan: &Plan| plan.steps.len() > 3 * MAX_SHRUNK_STEPS;
    let plan = (1..1000).map(Plan::of).find(|plan| is_long(plan) && fails(plan)).expect("a seed that fails");
    let smallest = shrink(Subset::of(&plan), |part| fails(&plan.part(part)));
    assert!(smallest.steps.len() <= MAX_SHRUNK_STEPS, "seed {}: {smallest}", plan.seed);
    let printed = smallest.to_string().parse().expect("a part of a plan");
    assert!(fails(&Plan::of(plan.seed).part(&printed)), "seed {}: {printed} does not fail", plan.seed);
}

/// Two syncs of one key at almost the same time, in two regions.
#[test]
fn eventual_consistency_lets_both_regions_win() {
    let sync = |id: usize, at: u64| {
        let action = Action::Sync { caller: Caller::One, key: 0, correlation: id, attempts: 1 };
        Step { id, at, faults: Faults::None, instance: id, action }
    };
    let whole = Plan { steps: vec![sync(0, HOURS), sync(1, HOURS + 30)], ..Plan::of(1) };
    let steps = Subset { clocks: false, ..Subset::of(&whole) };
    let played = |regions| {
        let plan = Plan { regions, ..whole.part(&steps) };
        let played = play(&plan, &Tables::new(regions));
        (played.trace.matches("responds Some(204)").count(), played.violations)
    };
    // The last sync of each key is another 204.
    let keys = whole.keys.len();
    for regions in [Regions::One, Regions::Strong] {
        assert_eq!(played(regions), (1 + keys, vec![]), "{regions:?}");
    }
    let (accepted, violations) = played(Regions::Eventual);
    assert_eq!(accepted, 2 + keys);
    assert!(violations.iter().any(|violation| violation.guarantee == "G1"), "{violations:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn round_opens_no_socket() {
    let tables = Tables::new(Regions::One);
    for seed in COMPARED.take(5) {
        play(&Plan::of(seed), &tables);
    }
    let open = std::fs::read_dir("/proc/self/fd").expect("the open files");
    let sockets = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let sockets: Vec<_> = sockets.filter(|file| file.to_string_lossy().starts_with("socket:")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
}
