//! The command line of `keysyncctl sync`.

use std::path::PathBuf;

use clap::Args;
use keysync::domain::KeyRing;
use serde::Serialize;

use super::selection::Selection;
use crate::{endpoint::EndpointArgs, failure::Failure};

/// Synchronize many keys: notify the associated services of each again.
///
/// Uses the public API only, so it works with any endpoint of it. Needs an API key with the role
/// Writer or Manager. Each key's response is recorded in a state file; after an interruption, the
/// same command continues there. Keys that were synchronized less than an hour ago respond with
/// 409: that is a result, not a failure.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
#[command(after_help = "Examples:\n  \
    keysyncctl sync --all --dry-run\n  \
    keysyncctl sync --all --report-csv result.csv\n  \
    keysyncctl sync --key-ring payments --wait\n  \
    keysyncctl sync --csv stale-keys.csv --concurrency 4\n\n\
    Exit codes: 0 every key was synchronized or is too early; 1 some failed; 2 invalid command line or file;\n\
    3 stopped, run the same command again to continue.")]
pub(crate) struct SyncArgs {
    /// All root keys of the instance, deleted ones included.
    #[arg(long, required_unless_present_any = ["key_ring", "csv"], conflicts_with_all = ["key_ring", "csv"])]
    pub(super) all: bool,
    /// All root keys of a key ring.
    #[arg(long, value_name = "RING", conflicts_with = "csv")]
    pub(super) key_ring: Option<KeyRing>,
    /// The keys whose CRNs are in this file: in the column `crn`, or else in the first column.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Print the selected keys, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait for keys that are too early, at most an hour each, and synchronize them then.
    #[arg(long)]
    pub(super) wait: bool,
    /// Requests at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = parse_concurrency)]
    pub(super) concurrency: usize,
    /// File that records each key's response, from which an interrupted run is continued. By
    /// default `keysyncctl-sync-<instance>.jsonl` in this folder.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Write each key's response, and the status of its services, to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub(super) report_csv: Option<PathBuf>,
    /// The same as JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) report_json: Option<PathBuf>,
    /// Do not ask for the status of the services afterwards. The request for it is an addition of
    /// keysync; other endpoints are asked once.
    #[arg(long)]
    pub(super) no_status: bool,
    /// Keys per page when listing.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = parse_page_size)]
    pub(super) page_size: usize,
    #[command(flatten)]
    pub(super) endpoint: EndpointArgs,
}

/// The description of a run, by which its state file is recognized.
#[derive(Debug, Serialize)]
pub(super) struct RunDescription {
    command: &'static str,
    endpoint: String,
    keys: String,
}

pub(crate) fn parse_concurrency(text: &str) -> Result<usize, String> {
    bounded(text, 1..=256)
}

pub(crate) fn parse_page_size(text: &str) -> Result<usize, String> {
    bounded(text, 2..=5000)
}

fn bounded(text: &str, range: std::ops::RangeInclusive<usize>) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|number| range.contains(number));
    parsed.ok_or_else(|| format!("must be an integer from {} to {}", range.start(), range.end()))
}

impl SyncArgs {
    /// The state file.
    pub(super) fn state_path(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| {
            let instance = self.endpoint.instance.map_or_else(|| "csv".to_owned(), |id| id.to_string());
            format!("keysyncctl-sync-{instance}.jsonl").into()
        })
    }

    /// What the state file belongs to.
    pub(super) fn describe(&self, selection: &Selection) -> RunDescription {
        RunDescription {
            command: "keysyncctl sync",
            endpoint: self.endpoint.endpoint.to_string(),
            keys: selection.to_string(),
        }
    }

    /// Checks that the reports can be written, before anything is sent.
    pub(super) fn check_reports(&self) -> Result<(), Failure> {
        for path in [&self.report_csv, &self.report_json].into_iter().flatten() {
            let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| Failure::Usage(format!("cannot write {}: {error}", path.display())))?;
        }
        Ok(())
    }
}
