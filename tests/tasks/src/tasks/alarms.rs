//! `cargo task alarms`: a day of each failure, and the alarms that ring.

use crate::{command::Context, error::Result, names::ALARMS};

/// Simulates all failures, and compares the tables in docs/reference/alarms.md or writes them.
pub(crate) fn run(context: &Context, is_writing: bool) -> Result {
    // One test at a time, because the functions' metrics are collected by process.
    let arguments = ["--workspace", "--test", ALARMS.0, "--", "--include-ignored", "--test-threads=1"];
    let mut simulation = context.cargo("test", arguments);
    if is_writing {
        simulation.env("KEYSYNC_WRITE_TABLES", "1");
    }
    context.run(&mut simulation)
}
