//! Reports as tables.

use comfy_table::{CellAlignment, Table, presets};

use super::{
    growth::Growth,
    limits::Metric,
    report::{Goal, Latency, Report},
    requests::FLOOR,
    scale::Row,
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
        writeln!(f, "With an engine that responds at once, in µs")?;
        writeln!(f, "{}\n", latencies(&self.immediate))?;
        writeln!(f, "Cost per request")?;
        writeln!(f, "{}\n", costs(self))?;
        writeln!(f, "{}\n", starts(self))?;
        if !self.peers.is_empty() {
            writeln!(f, "Beside other functions, one request at a time, in µs")?;
            writeln!(f, "{}\n", peers(self))?;
        }
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

/// A row per quantity of a simulation.
pub(super) fn scale(f: &mut std::fmt::Formatter<'_>, rows: &[Row]) -> std::fmt::Result {
    let mut table = table(&["", "", "value", "limit"]);
    for Row { part, what, value, limit } in rows {
        table.add_row([*part, what, &number(*value), &limit.map_or_else(String::new, number)]);
    }
    right(&mut table, 2);
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

/// A row per function, with those of the same run: median and CPU time of each kind of request.
fn peers(report: &Report) -> Table {
    let kinds = ["204", "409", "401"];
    let mut table =
        table(&["", "204: p50", "CPU", "409: p50", "CPU", "401: p50", "CPU", "cold start ms", "peak memory"]);
    let mut add = |name: &str, of: &dyn Fn(&str) -> Option<Latency>, start: String, memory: String| {
        let cells = kinds.iter().flat_map(|kind| match of(kind) {
            Some(line) => [micros(line.p50), line.cpu.map_or_else(String::new, micros)],
            None => [String::new(), String::new()],
        });
        table.add_row([name.to_owned()].into_iter().chain(cells).chain([start, memory]));
    };
    let memory = |bytes: Option<u64>| bytes.map_or_else(String::new, megabytes);
    let floor = |kind: &str| report.latency(FLOOR, 1).filter(|_| kind == "204").cloned();
    add(FLOOR, &floor, String::new(), String::new());
    let starts = format!("{:.1}", report.starts.sync_ms);
    add("sync", &|kind| report.latency(kind, 1).cloned(), starts, memory(report.process.peak_rss_bytes));
    for peer in &report.peers {
        let of = |kind: &str| peer.latency.iter().find(|line| line.what == kind).cloned();
        add(&peer.name, &of, format!("{:.1}", peer.start_ms), memory(peer.peak_rss_bytes));
    }
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

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", super::report::each(bytes) / 1e6)
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
