//! What the rounds did, so that one sees that they bite.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

use keysync_testkit::dynamodb::Fault;

use crate::{
    history::Answer,
    plan::{Kind, Whom},
    weather::{BEHAVIOURS, FAULTS, fault_name},
};

/// Counts, over all rounds.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rounds: usize,
    by_kind: BTreeMap<Kind, usize>,
    answers: BTreeMap<String, usize>,
    redeliveries: usize,
    calls: usize,
    faults: BTreeMap<&'static str, usize>,
    callbacks: usize,
    behaviours: BTreeMap<&'static str, usize>,
    kills: BTreeMap<Whom, usize>,
}

impl Stats {
    /// Counts a round that is over. Returns how many there are now.
    pub(crate) fn played(&self, kind: Kind) -> usize {
        let mut counts = self.locked();
        counts.rounds += 1;
        *counts.by_kind.entry(kind).or_default() += 1;
        counts.rounds
    }

    pub(crate) fn synced(&self, answer: &Answer) {
        let status = match answer {
            Answer::Status(status, _) => status.to_string(),
            Answer::None => "none".to_owned(),
        };
        *self.locked().answers.entry(status).or_default() += 1;
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

    pub(crate) fn killed(&self, whom: Whom) {
        *self.locked().kills.entry(whom).or_default() += 1;
    }

    /// What never happened, of all that should have.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let counts = self.locked();
        let faults = FAULTS.into_iter().filter(|fault| !counts.faults.contains_key(fault));
        let behaviours = BEHAVIOURS.into_iter().filter(|fault| !counts.behaviours.contains_key(fault));
        faults.chain(behaviours).collect()
    }

    /// One line.
    pub(crate) fn progress(&self) -> String {
        let counts = self.locked();
        let faults: usize = counts.faults.values().chain(counts.behaviours.values()).sum();
        format!(
            "{} rounds: {} syncs, {} of them accepted; {faults} faults, {} kills, {} callbacks",
            counts.rounds,
            counts.answers.values().sum::<usize>(),
            counts.answers.get("204").unwrap_or(&0),
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
        writeln!(f, "syncs by answer      {:?}", counts.answers)?;
        writeln!(f, "runs of redelivery   {}", counts.redeliveries)?;
        writeln!(f, "kills                {:?}", counts.kills)?;
        writeln!(f, "calls to DynamoDB    {}, of which failed: {:?}", counts.calls, counts.faults)?;
        write!(f, "callbacks            {}, of which failed: {:?}", counts.callbacks, counts.behaviours)
    }
}
