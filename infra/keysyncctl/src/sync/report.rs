//! The report of a run: each key's response, and the status of its services.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Write},
    path::Path,
};

use keysync::domain::KeyCrn;
use serde::Serialize;

use super::{
    SyncArgs,
    result::{KeyResult, Outcome},
    run_state::RunState,
    selection::Selected,
    service_status::ServiceStatus,
};
use crate::{cli::output, failure::Failure};

/// The number of keys that the table lists; the report files have all.
const MAX_SHOWN: usize = 100;

/// The report.
#[derive(Debug)]
pub(super) struct Report {
    lines: Vec<Line>,
    by_key: HashMap<KeyCrn, usize>,
}

/// One key of the report.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    result: KeyResult,
    /// `None` if it is unknown.
    services: Option<Vec<ServiceStatus>>,
}

impl Report {
    /// The results of the selected keys, in their order.
    pub(super) fn of(selected: &Selected, state: &RunState) -> Self {
        let results = selected.keys.iter().filter_map(|key| state.result(&key.crn));
        let lines: Vec<_> = results.map(|result| Line { result: result.clone(), services: None }).collect();
        let by_key = lines.iter().enumerate().map(|(n, line)| (line.result.crn.clone(), n)).collect();
        Self { lines, by_key }
    }

    /// The keys that have a notification: accepted, or too early because of one.
    pub(super) fn with_notification(&self) -> impl Iterator<Item = &KeyCrn> {
        let has_one = |line: &&Line| matches!(line.result.outcome, Outcome::Accepted | Outcome::TooEarly);
        self.lines.iter().filter(has_one).map(|line| &line.result.crn)
    }

    pub(super) fn set_services(&mut self, key: &KeyCrn, statuses: Vec<ServiceStatus>) {
        if let Some(line) = self.by_key.get(key).and_then(|n| self.lines.get_mut(*n)) {
            line.services = Some(statuses);
        }
    }

    /// Whether a key was neither accepted nor too early.
    pub(super) fn has_failed(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.result.outcome, Outcome::Failed | Outcome::Rejected))
    }

    /// Writes the report files of the command line.
    pub(super) fn write_files(&self, args: &SyncArgs) -> Result<(), Failure> {
        if let Some(path) = &args.report_csv {
            self.write_csv(path).map_err(|error| cannot_write(path, &error))?;
        }
        if let Some(path) = &args.report_json {
            let write = || -> io::Result<()> {
                let mut file = io::BufWriter::new(File::create(path)?);
                serde_json::to_writer_pretty(&mut file, &self.lines)?;
                writeln!(file).and_then(|()| file.flush())
            };
            write().map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
    }

    fn write_csv(&self, path: &Path) -> io::Result<()> {
        let mut csv = csv::Writer::from_path(path)?;
        csv.write_record([
            "crn",
            "outcome",
            "status",
            "code",
            "allowed_from",
            "attempts",
            "correlation_id",
            "at",
            "message",
            "services",
        ])?;
        for Line { result, services } in &self.lines {
            let optional = |value: &Option<String>| value.clone().unwrap_or_default();
            csv.write_record([
                result.crn.to_string(),
                result.outcome.as_str().to_owned(),
                result.status.map(|status| status.to_string()).unwrap_or_default(),
                optional(&result.code),
                result.allowed_from.map(|at| at.to_string()).unwrap_or_default(),
                result.attempts.to_string(),
                result.correlation_id.clone(),
                result.at.to_string(),
                optional(&result.message),
                in_one_field(services.as_deref()),
            ])?;
        }
        csv.flush()
    }

    /// Prints the counts, and the keys that were not accepted.
    pub(super) fn show(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return Ok(output::json(&self.lines)?);
        }
        let others = self.lines.iter().filter(|line| line.result.outcome != Outcome::Accepted);
        let rows: Vec<_> = others
            .map(|Line { result, services }| {
                let status = result.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
                let reason = match (result.allowed_from, &result.code, &result.message) {
                    (Some(at), ..) => format!("too early until {at}"),
                    (None, Some(code), _) => code.clone(),
                    (None, None, message) => message.clone().unwrap_or_default(),
                };
                [result.crn.key.to_string(), status, reason, in_one_field(services.as_deref())]
            })
            .collect();
        let hidden = rows.len().saturating_sub(MAX_SHOWN);
        if !rows.is_empty() {
            output::table(["key", "response", "reason", "services"], rows.into_iter().take(MAX_SHOWN))?;
        }
        if hidden > 0 {
            output::line(format!("… and {hidden} more; write all of them with --report-csv FILE"))?;
        }
        self.show_services()?;
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        for line in &self.lines {
            *counts.entry(line.result.outcome).or_default() += 1;
        }
        let counts: Vec<_> =
            counts.into_iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        Ok(output::line(format!("{} keys: {counts}", self.lines.len()))?)
    }

    /// Prints how many keys have each status at each service.
    fn show_services(&self) -> Result<(), Failure> {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for status in self.lines.iter().filter_map(|line| line.services.as_ref()).flatten() {
            *counts.entry((&status.service, &status.status)).or_default() += 1;
        }
        if counts.is_empty() {
            return Ok(());
        }
        let rows = counts
            .into_iter()
            .map(|((service, status), keys)| [service.to_owned(), status.to_owned(), keys.to_string()]);
        Ok(output::table(["service", "status", "keys"], rows)?)
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Stopped(format!("cannot write {}: {error}", path.display()))
}

/// The services of a key in one field: `cloud-object-storage=delivered databases=retrying`.
fn in_one_field(services: Option<&[ServiceStatus]>) -> String {
    let services = services.unwrap_or_default().iter();
    services.map(|status| format!("{}={}", status.service, status.status)).collect::<Vec<_>>().join(" ")
}
