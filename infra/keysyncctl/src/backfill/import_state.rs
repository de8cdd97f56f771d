//! The progress of an import: the position after the last page that was written completely.

use std::path::PathBuf;

use keysync::domain::{InstanceCrn, KeyCrn};
use serde::{Deserialize, Serialize};

use super::args::ImportArgs;
use crate::{endpoint::Paging, failure::Failure, state_file::StateFile};

/// The part of an import: registrations are counted under keys, so keys come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    Keys,
    Registrations,
    Finished,
}

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Counts {
    /// Written.
    pub(super) imported: u64,
    /// Known already: unchanged.
    pub(super) known: u64,
    /// Not importable: the remarks on standard error say why.
    pub(super) rejected: u64,
}

/// The progress after a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) part: Part,
    /// The elements of the part that were read, and the identity of the last one.
    pub(super) read: usize,
    pub(super) last: Option<String>,
    /// A key of the instance; its CRN has the account and region of all others.
    pub(super) sample: Option<KeyCrn>,
    pub(super) keys: Counts,
    pub(super) registrations: Counts,
}

/// The description of an import, by which its state file is recognized.
#[derive(Serialize)]
struct ImportDescription {
    command: &'static str,
    endpoint: String,
    instance: String,
    table: String,
}

/// The progress, and the file that records it; no file in a dry run.
#[derive(Debug)]
pub(super) struct ImportState {
    pub(super) progress: Progress,
    file: Option<StateFile>,
}

impl ImportState {
    /// The progress of earlier runs with the same command line.
    pub(super) fn open(args: &ImportArgs) -> Result<Self, Failure> {
        let mut progress = Progress {
            part: Part::Keys,
            read: 0,
            last: None,
            sample: None,
            keys: Counts::default(),
            registrations: Counts::default(),
        };
        if args.dry_run {
            return Ok(Self { progress, file: None });
        }
        let instance = args.endpoint.instance()?.to_string();
        let default = || PathBuf::from(format!("keysyncctl-import-{instance}.jsonl"));
        let path = args.state.clone().unwrap_or_else(default);
        let description = ImportDescription {
            command: "keysyncctl import",
            endpoint: args.endpoint.endpoint.to_string(),
            table: args.table.name().to_owned(),
            instance,
        };
        let file = StateFile::open(&path, &description, |entry| progress = entry)?;
        Ok(Self { progress, file: Some(file) })
    }

    /// The instance's CRN, without its id.
    pub(super) fn instance(&self) -> Option<InstanceCrn> {
        self.progress.sample.as_ref().map(|sample| sample.instance.clone())
    }

    /// Records that a page was written.
    pub(super) fn page_written(&mut self, paging: &Paging<'_>) -> Result<(), Failure> {
        (self.progress.read, self.progress.last) = (paging.read, paging.last.clone());
        self.record()
    }

    /// Begins the next part.
    pub(super) fn begin(&mut self, part: Part) -> Result<(), Failure> {
        (self.progress.part, self.progress.read, self.progress.last) = (part, 0, None);
        self.record()
    }

    fn record(&mut self) -> Result<(), Failure> {
        self.file.as_mut().map_or(Ok(()), |file| file.append(&self.progress))
    }
}
