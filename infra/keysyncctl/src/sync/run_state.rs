//! The state of a run: which keys have a result, and the correlation ids of requests without one.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use keysync::domain::{CorrelationId, KeyCrn};
use serde::{Deserialize, Serialize};

use super::{
    args::RunDescription,
    key_sync::KeySync,
    result::{KeyResult, Outcome},
    selection::SelectedKey,
};
use crate::{failure::Failure, state_file::StateFile};

/// An entry of the state file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Entry {
    /// A request is about to be sent.
    Started { crn: KeyCrn, correlation_id: CorrelationId },
    /// A request has a result.
    Finished(KeyResult),
}

/// The state of a run.
#[derive(Debug)]
pub(super) struct RunState {
    log: RunLog,
    keys: HashMap<KeyCrn, Known>,
}

/// What is known about a key.
#[derive(Debug)]
enum Known {
    Started(CorrelationId),
    Finished(Box<KeyResult>),
}

/// The file, to which concurrent syncs append.
#[derive(Debug)]
pub(super) struct RunLog {
    path: PathBuf,
    file: Mutex<StateFile>,
    finished: Mutex<Vec<KeyResult>>,
}

impl RunState {
    /// Opens the state file of the run that `description` describes.
    pub(super) fn open(path: &Path, description: &RunDescription) -> Result<Self, Failure> {
        let mut keys = HashMap::new();
        let file = StateFile::open(path, description, |entry| match entry {
            Entry::Started { crn, correlation_id } => drop(keys.insert(crn, Known::Started(correlation_id))),
            Entry::Finished(result) => {
                drop(keys.insert(result.crn.clone(), Known::Finished(Box::new(result))));
            }
        })?;
        let log = RunLog { path: path.to_owned(), file: Mutex::new(file), finished: Mutex::default() };
        Ok(Self { log, keys })
    }

    /// Whether the key needs no further request. With `wait`, a key that was too early does.
    pub(super) fn is_final(&self, crn: &KeyCrn, wait: bool) -> bool {
        match self.result(crn).map(|result| result.outcome) {
            Some(Outcome::Accepted | Outcome::Rejected) => true,
            Some(Outcome::TooEarly) => !wait,
            Some(Outcome::Failed) | None => false,
        }
    }

    /// The sync of a key: a request that was interrupted is repeated with its correlation id.
    pub(super) fn prepare(&self, key: &SelectedKey) -> KeySync {
        let crn = key.crn.clone();
        let recorded = match self.keys.get(&crn) {
            Some(Known::Started(correlation_id)) => Some(correlation_id.clone()),
            // Of a request without a response, it is unknown whether it was accepted.
            Some(Known::Finished(result)) if result.outcome == Outcome::Failed => {
                result.correlation_id.parse().ok()
            }
            _ => None,
        };
        let is_recorded = recorded.is_some();
        let correlation_id = recorded.unwrap_or_else(CorrelationId::random);
        KeySync { crn, correlation_id, is_recorded, not_before: None }
    }

    pub(super) fn log(&self) -> &RunLog {
        &self.log
    }

    pub(super) fn path(&self) -> &Path {
        &self.log.path
    }

    /// Adds what this run has finished.
    pub(super) fn reload(&mut self) {
        let finished = std::mem::take(&mut *self.log.finished.lock().unwrap_or_else(PoisonError::into_inner));
        for result in finished {
            self.keys.insert(result.crn.clone(), Known::Finished(Box::new(result)));
        }
    }

    /// The result of a key.
    pub(super) fn result(&self, crn: &KeyCrn) -> Option<&KeyResult> {
        match self.keys.get(crn)? {
            Known::Finished(result) => Some(result),
            Known::Started(_) => None,
        }
    }
}

impl RunLog {
    /// Records that a request is about to be sent.
    pub(super) fn started(&self, sync: &KeySync) -> Result<(), Failure> {
        self.append(&Entry::Started { crn: sync.crn.clone(), correlation_id: sync.correlation_id.clone() })
    }

    /// Records a result.
    pub(super) fn finished(&self, result: &KeyResult) -> Result<(), Failure> {
        self.append(&Entry::Finished(result.clone()))?;
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push(result.clone());
        Ok(())
    }

    fn append(&self, entry: &Entry) -> Result<(), Failure> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).append(entry)
    }
}
