//! Counts of what happened in the rounds, to show that faults occurred.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

use keysync_testkit::dynamodb::Fault;

use crate::{
    fault_schedule::{BEHAVIOURS, FAULTS, fault_name},
    history::Response,
    plan::{Kind, Target},
};

/// Counts over all rounds.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rounds: usize,
    by_kind: BTreeMap<Kind, usize>,
    responses: BTreeMap<String, usize>,
    redeliveries: usize,
    calls: usize,
    faults: BTreeMap<&'static str, usize>,
    callbacks: usize,
    behaviours: BTreeMap<&'static str, usize>,
    kills: BTreeMap<Target, usize>,
}

impl Stats {
    /// Counts a finished round. Returns the number of finished rounds.
    pub(crate) fn played(&self, kind: Kind) -> usize {
        let mut counts = self.locked();
        counts.rounds += 1;
        *counts.by_kind.entry(kind).or_default() += 1;
        counts.rounds
    }

    pub(crate) fn synced(&self, response: &Response) {
        let status = match response {
            Response::Status(status, _) => status.to_string(),
            Response::None => "none".to_owned(),
        };
        *self.locked().responses.entry(status).or_default() += 1;
    }

    pub(crate) fn redelivered(&self) {
        self.locked().redeliveries += 1;
    }

    pub(crate) fn called(&self, fault: Option<Fault>) {
        let mut counts = self.locked();
        counts.calls += 1;
        if let Some(fault) = fault {
            *counts.faults.entry(fault_name(fault)).or_default() += 1;
        }
    }

    pub(crate) fn called_back(&self, fault: Option<&'static str>) {
        let mut counts = self.locked();
        counts.callbacks += 1;
        if let Some(fault) = fault {
            *counts.behaviours.entry(fault).or_default() += 1;
        }
    }

    pub(crate) fn killed(&self, target: Target) {
        *self.locked().kills.entry(target).or_default() += 1;
    }

    /// The faults that have not occurred so far.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let counts = self.locked();
        let faults = FAULTS.into_iter().filter(|fault| !counts.faults.contains_key(fault));
        let behaviours = BEHAVIOURS.into_iter().filter(|fault| !counts.behaviours.contains_key(fault));
        faults.chain(behaviours).collect()
    }

    /// A one-line summary.
    pub(crate) fn progress(&self) -> String {
        let counts = self.locked();
        let faults: usize = counts.faults.values().chain(counts.behaviours.values()).sum();
        format!(
            "{} rounds: {} syncs, {} of them accepted; {faults} faults, {} kills, {} callbacks",
            counts.rounds,
            counts.responses.values().sum::<usize>(),
            counts.responses.get("204").unwrap_or(&0),
            counts.kills.values().sum::<usize>(),
            counts.callbacks,
        )
    }

    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap()
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.locked();
        writeln!(f, "rounds               {:?}", counts.by_kind)?;
        writeln!(f, "syncs by response    {:?}", counts.responses)?;
        writeln!(f, "redelivery runs      {}", counts.redeliveries)?;
        writeln!(f, "kills                {:?}", counts.kills)?;
        writeln!(f, "DynamoDB calls       {}, with faults: {:?}", counts.calls, counts.faults)?;
        write!(f, "callbacks            {}, with faults: {:?}", counts.callbacks, counts.behaviours)
    }
}
