//! The output: a table, or JSON.

use serde::Serialize;

use super::{
    history::History,
    rules::{Finding, Found, instant},
};
use crate::{cli::output, failure::Failure};

/// The result of a check.
#[derive(Serialize)]
pub(super) struct Report {
    /// Lines that say something about a key or a run.
    lines: usize,
    unreadable_lines: usize,
    keys: usize,
    claims: usize,
    attempts: usize,
    runs: usize,
    from: String,
    to: String,
    pub(super) violations: Vec<Row>,
    undecided: Vec<Row>,
}

/// A finding.
#[derive(Serialize)]
pub(super) struct Row {
    #[serde(skip_serializing_if = "String::is_empty")]
    file: String,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<usize>,
    key: String,
    guarantee: super::rules::Guarantee,
    pub(super) message: String,
    #[serde(skip)]
    position: String,
}

impl From<Finding> for Row {
    fn from(Finding { position, key, guarantee, message }: Finding) -> Self {
        let text = position.to_string();
        Self {
            file: position.file,
            line: position.line,
            event: position.event,
            key,
            guarantee,
            message,
            position: text,
        }
    }
}

impl Report {
    pub(super) fn of(history: &History, found: Found, unreadable_lines: usize) -> Self {
        let dispatches = history.keys.values().flat_map(|key| &key.dispatches);
        Self {
            lines: history.lines,
            unreadable_lines,
            keys: history.keys.len(),
            claims: history.keys.values().map(|key| key.claims.len()).sum(),
            attempts: dispatches.map(|dispatch| dispatch.attempts.len()).sum(),
            runs: history.runs.len(),
            from: instant(history.from).to_string(),
            to: instant(history.to).to_string(),
            violations: found.violations.into_iter().map(Row::from).collect(),
            undecided: found.undecided.into_iter().map(Row::from).collect(),
        }
    }

    pub(super) fn print(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return Ok(output::json(self)?);
        }
        for (rows, title) in [(&self.undecided, "undecided"), (&self.violations, "violation")] {
            if !rows.is_empty() {
                let cells = |row: &Row| {
                    [
                        row.position.clone(),
                        row.key.clone(),
                        format!("{:?}", row.guarantee),
                        row.message.clone(),
                    ]
                };
                output::table(["line", "key", "guarantee", title], rows.iter().map(cells))?;
            }
        }
        if self.unreadable_lines > 0 {
            output::remark(format!("{} cannot be read", output::count(self.unreadable_lines, "line")));
        }
        let Self { from, to, .. } = self;
        let [lines, keys, claims, attempts, runs, violations] = [
            (self.lines, "line"),
            (self.keys, "key"),
            (self.claims, "claim"),
            (self.attempts, "attempt"),
            (self.runs, "run"),
            (self.violations.len(), "violation"),
        ]
        .map(|(number, thing)| output::count(number, thing));
        let undecided = self.undecided.len();
        output::line(format!("{lines} from {from} to {to}: {keys}, {claims}, {attempts}, {runs}"))?;
        Ok(output::line(format!("{violations}, {undecided} undecided"))?)
    }
}
