//! The tables of `docs/reference/alarms.md`.

use std::{env, fmt::Write, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    definition::{Alarm, Missing},
    evaluation::Evaluation,
    failure::Failure,
};

/// The environment variable with which the tables are written instead of compared.
const WRITE: &str = "KEYSYNC_WRITE_TABLES";
/// The page with the tables, each between its heading's marks.
const PAGE: &str = "docs/reference/alarms.md";

/// An alarm that rang in a failure. Times are minutes since the failure began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ring {
    pub(crate) alarm: String,
    runbook: String,
    rang: Vec<i64>,
    ended: Vec<i64>,
    reports_end: bool,
}

impl Ring {
    /// What an alarm did; `None` if it did not ring.
    pub(crate) fn of(evaluation: Evaluation, failure_began: i64) -> Option<Self> {
        let Evaluation { alarm, rang, ended, .. } = evaluation;
        let since = |minutes: Vec<i64>| minutes.into_iter().map(|minute| minute - failure_began).collect();
        let Alarm { name, runbook, reports_end, .. } = alarm;
        (!rang.is_empty()).then(|| Self {
            alarm: name,
            runbook,
            rang: since(rang),
            ended: since(ended),
            reports_end,
        })
    }

    fn row(&self, failure: &str) -> String {
        let Self { alarm, runbook, rang, ended, reports_end } = self;
        let times =
            |minutes: &[i64]| minutes.iter().map(|minute| time(*minute)).collect::<Vec<_>>().join(", ");
        let ends = match &ended[..] {
            [] => "does not end".to_owned(),
            ended if *reports_end => times(ended),
            ended => format!("{}, without a message", times(ended)),
        };
        format!("| {failure} | [{alarm}](../how-to/operate.md#{runbook}) | {} | {ends} |\n", times(rang))
    }
}

/// Hours and minutes: `0:18`.
fn time(minutes: i64) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

/// The table of failures and alarms.
pub(crate) fn rings(results: &[(Failure, Vec<Ring>)]) -> String {
    let mut table =
        "| failure, lasting | alarm | rings after | ends after |\n| --- | --- | --- | --- |\n".to_owned();
    for (failure, rings) in results {
        let title = format!("{}, {}", failure.title, time(failure.minutes));
        if rings.is_empty() {
            writeln!(table, "| {title} | none | | |").unwrap();
        }
        for ring in rings {
            table.push_str(&ring.row(&title));
        }
    }
    table
}

/// The table of the alarms' conditions.
pub(crate) fn conditions(alarms: &[Alarm]) -> String {
    let mut table =
        "| alarm | rings if | missing data | message at its end |\n| --- | --- | --- | --- |\n".to_owned();
    for alarm in alarms {
        let missing = match alarm.missing {
            Missing::Breaching => "breaches",
            Missing::NotBreaching => "does not breach",
            Missing::Ignore => "keeps the state",
        };
        let end = if alarm.reports_end { "yes" } else { "no" };
        let Alarm { name, runbook, .. } = alarm;
        let condition = alarm.condition();
        writeln!(table, "| [{name}](../how-to/operate.md#{runbook}) | {condition} | {missing} | {end} |")
            .unwrap();
    }
    table
}

/// Compares a table with the one below the heading `heading`, or replaces that.
pub(crate) fn compare_or_write(heading: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let begin =
        page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{PAGE} has no `{heading}`"));
    let start = begin + page[begin..].find("\n| ").unwrap() + 1;
    let end = page[start..].find("\n\n").map_or(page.len(), |length| start + length + 1);
    if page[start..end] == *table {
        return;
    }
    assert!(
        env::var_os(WRITE).is_some(),
        "the table below `{heading}` in {PAGE} is not current; `cargo task alarms --write` replaces it. It should be:\n{table}"
    );
    fs::write(&path, [&page[..start], table, &page[end..]].concat()).unwrap();
}
