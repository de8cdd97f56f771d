//! A key's item.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::table;

/// A key's item.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) crn: String,
    pub(crate) state: u8,
    pub(crate) version: Version,
    pub(crate) event: Event,
    pub(crate) notified_at: Option<u64>,
    pub(crate) claim: Option<String>,
    pub(crate) lease: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) caller: Option<String>,
    #[serde(default)]
    pub(crate) sequence: u64,
    #[serde(default)]
    pub(crate) services: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) pending: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) retries: BTreeMap<String, Retry>,
    #[serde(default)]
    pub(crate) outcome: BTreeMap<String, Outcome>,
    #[serde(default)]
    pub(crate) acknowledged: BTreeMap<String, Acknowledgements>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) due_shard: Option<u64>,
    pub(crate) due_at: Option<u64>,
    pub(crate) purged_at: Option<u64>,
    /// The length of the item in DynamoDB's JSON.
    #[serde(skip)]
    pub(crate) bytes: usize,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) id: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) action: String,
    pub(crate) at: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) attempts: u64,
    pub(crate) next_at: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) event_id: String,
    pub(crate) status: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Acknowledgements {
    pub(crate) sequence: u64,
    pub(crate) counted: Acknowledgement,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) at: u64,
    pub(crate) key_state: String,
    /// The CRN of the resource that it names.
    pub(crate) resource: Option<String>,
}

/// A notification that services must acknowledge.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Notified {
    pub(crate) claim: String,
    pub(crate) sequence: u64,
    pub(crate) at: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) notification: Notified,
    pub(crate) services: BTreeSet<String>,
    pub(crate) checked: bool,
    #[serde(default)]
    pub(crate) older: BTreeMap<String, Notified>,
}

impl Deadline {
    /// What is not checked yet, as (service, notification).
    pub(crate) fn owed(&self) -> impl Iterator<Item = (&String, &Notified)> {
        let own = self.services.iter().filter(|_| !self.checked);
        own.map(|service| (service, &self.notification)).chain(&self.older)
    }
}

impl Item {
    /// The item as the table has it.
    pub(crate) fn of(stored: &table::Item) -> Self {
        let bytes = serde_json::to_vec(stored).expect("an item").len();
        let item: Self = serde_json::from_value(table::plain(stored)).expect("an item of a key");
        Self { bytes, ..item }
    }

    /// What is not acknowledged and not checked yet, as (service, notification).
    pub(crate) fn owed(&self) -> impl Iterator<Item = (&String, &Notified)> {
        self.deadline.iter().flat_map(Deadline::owed)
    }

    /// The outcome of the last notification at this service.
    pub(crate) fn current_outcome(&self, service: &str) -> Option<&Outcome> {
        let claim = self.claim.as_deref()?;
        self.outcome.get(service).filter(|outcome| outcome.event_id.contains(claim))
    }

    /// The item in a line of the trace.
    pub(crate) fn summary(&self) -> String {
        let pending: Vec<_> = self
            .pending
            .keys()
            .map(|service| match self.retries.get(service) {
                Some(retry) => format!("{service}({})", retry.attempts),
                None => service.clone(),
            })
            .collect();
        format!(
            "{} state {}, notification {} {} lease {}, pending [{}], due {}:{}{}",
            self.event.action,
            self.state,
            self.sequence,
            self.claim.as_deref().unwrap_or("-"),
            self.lease.as_deref().unwrap_or("-"),
            pending.join(" "),
            self.due_shard.map_or(-1, |shard| i64::try_from(shard).unwrap_or(-1)),
            self.due_at.unwrap_or(0),
            if self.purged_at.is_some() { ", purged" } else { "" },
        )
    }
}
