//! Reports as tables.

use comfy_table::{CellAlignment, Table, presets};

use super::{
    growth::Growth,
    limits::Metric,
    report::{Goal, Latency, Report},
};

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = &self.run;
        writeln!(f, "{}, {} processors, {}\n", run.machine, run.processors, run.at)?;
        if run.debug_build {
            writeln!(
                f,
                "Debug build: the times are meaningless. Use `cargo run --profile bench -p keysync-harness -- bench`.\n"
            )?;
        }
        writeln!(f, "Latency and CPU time of the function per request, in µs")?;
        writeln!(f, "{}\n", latencies(&self.latency))?;
        writeln!(f, "Cost per request")?;
        writeln!(f, "{}\n", costs(self))?;
        writeln!(f, "{}\n", starts(self))?;
        writeln!(f, "Targets")?;
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

/// A row per metric; those above their limit are marked.
pub(super) fn checked(f: &mut std::fmt::Formatter<'_>, metrics: &[Metric]) -> std::fmt::Result {
    let mut table = table(&["", "measured", "limit", ""]);
    for metric in metrics {
        let verdict = if metric.is_within_limits() { "" } else { "exceeded" };
        table.add_row([&metric.what, &number(metric.measured), &number(metric.limit), verdict]);
    }
    right(&mut table, 1);
    writeln!(f, "{table}")
}

fn latencies(lines: &[Latency]) -> Table {
    let mut table = table(&["", "concurrent", "p50", "p90", "p99", "max", "per second", "CPU"]);
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
    let mut table = table(&["", "cold start: p50 ms", "max ms", "binary", "peak memory", "under load"]);
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
    let mut table = table(&["", "target", "measured", ""]);
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

/// Aligns columns of numbers to the right, from this column on.
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

/// Digits in groups of three.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(" ")
}
