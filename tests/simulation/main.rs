//! Deterministic simulation of the functions, their table and their peers.
//!
//! The use cases of the package `keysync` run in one thread, in simulated time, on the embedded
//! DynamoDB engine and without sockets. One seed decides the plan of a round (`plan.rs`): callers,
//! lifecycle events, runs of `redeliver`, crashes, outages, clocks; and every latency and fault
//! (`invocation.rs`, `network.rs`, `peers.rs`). After each write, callback and response, the
//! guarantees are checked (`rules/`); at the end faults stop, and nothing may stay pending. The same
//! seed gives the same trace, byte for byte.
//!
//! `cargo task simulate` runs any number of rounds. `cargo test` alone runs a short series from seed
//! 1. `docs/explanation/simulation.md` explains the design and what it finds.

mod events;
mod functions;
mod invocation;
mod item;
mod network;
mod peers;
mod plan;
mod round;
mod rules;
mod runner;
mod shrink;
mod subset;
mod trace;
mod world;

use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};
use keysync_dynamodb_emulator::EmbeddedTable;

use crate::{
    plan::Plan,
    round::play,
    runner::{Settings, simulate},
};

/// Seeds whose traces are compared.
const COMPARED: std::ops::RangeInclusive<u64> = 1..=30;
/// Set in a process that only prints the digest of its traces.
const CHILD: &str = "KEYSYNC_SIMULATION_CHILD";

#[test]
fn random_schedules_violate_no_guarantee() {
    let failed = simulate(&Settings::from_environment());
    assert!(failed.is_empty(), "{} round(s) failed; repeat with\n  {}", failed.len(), failed.join("\n  "));
}

#[test]
fn same_seed_gives_same_trace() {
    let traces = || -> Vec<String> {
        let table = EmbeddedTable::in_memory().expect("a table");
        COMPARED.map(|seed| play(&Plan::of(seed), &table).trace).collect()
    };
    let first = traces();
    let digest: String = digest(&SHA256, first.concat().as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!("traces {digest}");
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    // Backwards, so that a round cannot depend on the ones before it.
    let table = EmbeddedTable::in_memory().expect("a table");
    for seed in COMPARED.rev() {
        let again = play(&Plan::of(seed), &table).trace;
        let one = &first[usize::try_from(seed - COMPARED.start()).expect("few seeds")];
        let differs = one.lines().zip(again.lines()).find(|(one, again)| one != again);
        assert!(*one == again, "seed {seed} gives two traces: {differs:#?}");
    }
    let this = std::env::current_exe().expect("this program");
    let child = Command::new(this)
        .args(["same_seed_gives_same_trace", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("another process");
    let output = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(output.contains(&format!("traces {digest}")), "another process gives other traces: {output}");
}
