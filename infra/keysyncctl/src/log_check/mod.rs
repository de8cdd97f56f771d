//! `keysyncctl check-log`: whether the functions' log contradicts a guarantee.
//!
//! ```text
//! source   lines in the formats of CloudWatch, and where they are
//! line     what a line of a function says
//! history  the claims, dispatches and responses of each key, as the lines tell them
//! rules    the guarantees, as far as a log can decide them
//! report   table and JSON
//! ```
//!
//! A log does not show the table. So each rule needs lines that no correct deployment writes,
//! however its invocations overlap: it compares the earliest with the latest instant at which
//! something can have happened. What is missing in a log is no violation.

mod history;
mod line;
mod report;
mod rules;
mod source;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    failure::{Failure, Finished},
    input, values,
};
use history::History;
use report::Report;

#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// Files with log lines; `-` for standard input. Several are one log.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The largest difference between the clocks of two functions.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = values::duration)]
    clock_skew: Duration,
}

/// Milliseconds since the epoch; differences may be negative.
type Millis = i64;

/// Where a line is: `name` is empty if there is one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    file: String,
    line: usize,
    /// The number of the event, if the line begins a document with several.
    event: Option<usize>,
}

/// Runs `keysyncctl check-log`.
pub(crate) fn run(args: &LogArgs, as_json: bool) -> Result<Finished, Failure> {
    let mut texts = Vec::new();
    for path in &args.files {
        let name = if args.files.len() > 1 { path.display().to_string() } else { String::new() };
        texts.push((name, input::read(path)?));
    }
    let report = check(&texts, args.clock_skew)?;
    report.print(as_json)?;
    Ok(Finished::unless(!report.violations.is_empty()))
}

/// Checks the lines of files, each with its name.
fn check(texts: &[(String, String)], clock_skew: Duration) -> Result<Report, Failure> {
    let source = source::read(texts);
    if source.lines.is_empty() {
        return Err(Failure::Usage(
            "the input has no log line of keysync: expected JSON objects, one per line, as the functions write them, \
             or the output of `aws logs filter-log-events`"
                .to_owned(),
        ));
    }
    let history = History::of(source.lines);
    let skew = Millis::try_from(clock_skew.as_millis()).unwrap_or(Millis::MAX);
    Ok(Report::of(&history, rules::check(&history, skew), source.unreadable))
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
        }
        write!(f, "{}", self.line)?;
        self.event.map_or(Ok(()), |event| write!(f, " (event {event})"))
    }
}
