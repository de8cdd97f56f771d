//! What was measured, for people.

use comfy_table::{CellAlignment, Table, presets};

use super::{
    growth::Growth,
    limits::Thing,
    report::{Goal, Latency, Report},
};

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = &self.run;
        writeln!(f, "{}, {} processors, {}\n", run.machine, run.processors, run.at)?;
        if run.debug_build {
            writeln!(
                f,
                "This harness was built without optimisation, and the times mean nothing: cargo run --profile bench …\n"
            )?;
        }
        writeln!(
            f,
            "How long requests took, in µs, and the processor's time that the function spent on each"
        )?;
        writeln!(f, "{}\n", latencies(&self.latency))?;
        writeln!(f, "What a request costs")?;
        writeln!(f, "{}\n", costs(self))?;
        writeln!(f, "{}\n", starts(self))?;
        writeln!(f, "Goals")?;
        writeln!(f, "{}", goals(&self.goals))
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table =
            table(&["", "", "204: p50 µs", "p99 µs", "DynamoDB calls", "bytes", "409: p50 µs", "p99 µs"]);
        for point in &self.points {
            table.add_row([
                point.of.to_owned(),
                grouped(point.count),
                micros(point.notified.p50),
                micros(point.notified.p99),
                number(point.dynamodb_calls),
                number(point.dynamodb_bytes),
                micros(point.too_early.p50),
                micros(point.too_early.p99),
            ]);
        }
        right(&mut table, 1);
        writeln!(f, "{table}")
    }
}

/// A line for each thing, and which of them are too much.
pub(super) fn checked(f: &mut std::fmt::Formatter<'_>, things: &[Thing]) -> std::fmt::Result {
    let mut table = table(&["", "measured", "limit", ""]);
    for thing in things {
        let verdict = if thing.is_good() { "" } else { "too much" };
        table.add_row([&thing.what, &number(thing.measured), &number(thing.limit), verdict]);
    }
    right(&mut table, 1);
    writeln!(f, "{table}")
}

fn latencies(lines: &[Latency]) -> Table {
    let mut table = table(&["", "at a time", "p50", "p90", "p99", "max", "a second", "processor"]);
    for line in lines {
        table.add_row([
            line.what.clone(),
            line.at_once.to_string(),
            micros(line.p50),
            micros(line.p90),
            micros(line.p99),
            micros(line.max),
            micros(line.per_second),
            line.cpu.map_or_else(String::new, micros),
        ]);
    }
    right(&mut table, 1);
    table
}

fn costs(report: &Report) -> Table {
    let mut table = table(&["", "DynamoDB calls", "bytes", "IAM decisions", "callbacks"]);
    for cost in &report.costs {
        let numbers = [cost.dynamodb_calls, cost.dynamodb_bytes, cost.iam_decisions, cost.callbacks];
        table.add_row([cost.what.clone()].into_iter().chain(numbers.map(number)));
    }
    right(&mut table, 1);
    table
}

fn starts(report: &Report) -> Table {
    let (starts, process) = (&report.starts, &report.process);
    let megabytes = |bytes: u64| format!("{:.1} MB", super::report::each(bytes) / 1e6);
    let memory = |bytes: Option<u64>| bytes.map_or_else(String::new, megabytes);
    let mut table = table(&["", "start: p50 ms", "max ms", "binary", "memory", "busy"]);
    table.add_row([
        "sync".to_owned(),
        format!("{:.1}", starts.sync_ms),
        format!("{:.1}", starts.sync_max_ms),
        megabytes(process.binary_bytes),
        memory(process.peak_rss_bytes),
        memory(process.busy_peak_rss_bytes),
    ]);
    table.add_row([
        "hello".to_owned(),
        format!("{:.1}", starts.hello_ms),
        format!("{:.1}", starts.hello_max_ms),
        megabytes(process.hello_binary_bytes),
    ]);
    right(&mut table, 1);
    table
}

fn goals(goals: &[Goal]) -> Table {
    let mut table = table(&["", "goal", "measured", ""]);
    for goal in goals {
        let reached = if goal.reached { "reached" } else { "missed" };
        table.add_row([goal.what, &goal.target, &goal.measured, reached]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    table
}

/// Numbers stand to the right, from this column on.
fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn micros(value: f64) -> String {
    format!("{value:.0}")
}

fn number(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With a space at each thousand.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(" ")
}
