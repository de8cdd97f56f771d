//! The format of a snapshot: its version, and the validation of what another harness has written.

use std::time::Duration;

use keysync::domain::EpochMillis;
use keysync_emulator_support::limits;
use serde::Deserialize;
use serde_json::Value;

use super::{Contents, Origin, Snapshot};
use crate::{time, world};

/// The version that this harness writes, and the only one that it reads.
pub(super) const PRESENT: u32 = 2;

/// The reason why a snapshot cannot be read or restored.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSnapshot {
    #[error("it has no version of its format (`format`)")]
    NoFormat,
    #[error("its format is {0}, of an older harness, and this one reads {PRESENT}: save the state again")]
    Older(u64),
    #[error("its format is {0}, of a newer harness, and this one reads {PRESENT}: use that version")]
    Newer(u64),
    #[error("its {0} is not one of a harness")]
    Origin(&'static str),
    #[error("its sample keys (`samples`) are not among its items")]
    Samples,
    #[error("its `redeliver_every_millis` is not from 1 s to 1 day")]
    Schedule,
    #[error("an item has no `pk` or `sk`, or is a harness's own")]
    Item,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Value(#[from] serde_dynamo::Error),
}

/// Reads the version first, so that the error for another one is not about its fields.
impl TryFrom<Value> for Snapshot {
    type Error = InvalidSnapshot;

    fn try_from(value: Value) -> Result<Self, InvalidSnapshot> {
        match value["format"].as_u64().ok_or(InvalidSnapshot::NoFormat)? {
            older if older < PRESENT.into() => return Err(InvalidSnapshot::Older(older)),
            newer if newer > PRESENT.into() => return Err(InvalidSnapshot::Newer(newer)),
            _ => {}
        }
        let contents = Contents::deserialize(value)?;
        contents.validate()?;
        Ok(Self(contents))
    }
}

impl Contents {
    fn validate(&self) -> Result<(), InvalidSnapshot> {
        let Origin { instance, account, manager, reader } = &self.origin;
        for (name, value) in
            [("instance", instance), ("account", account), ("Manager", manager), ("Reader", reader)]
        {
            let id = value.strip_prefix("IBMid-").unwrap_or(value);
            if id.len() < 32 || !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
                return Err(InvalidSnapshot::Origin(name));
            }
        }
        let is_valid =
            |item: &Value| item["pk"].is_string() && item["sk"].is_string() && !world::is_own_item(item);
        if !self.items.iter().all(is_valid) {
            return Err(InvalidSnapshot::Item);
        }
        // A client may have deleted a sample key, but its item stays.
        let is_item = |key: &String| {
            let pk = format!("{instance}#{key}");
            self.items.iter().any(|item| item["pk"] == pk.as_str())
        };
        if !self.samples.iter().flatten().all(is_item) {
            return Err(InvalidSnapshot::Samples);
        }
        let every = self.redeliver_every_millis.map(|every| Duration::from_millis(every.get()));
        if every.is_some_and(|every| !limits::SCHEDULE.contains(&every)) {
            return Err(InvalidSnapshot::Schedule);
        }
        Ok(())
    }
}

impl Snapshot {
    /// The contents as if the snapshot were of the harness with these ids, and of this instant.
    pub(super) fn in_harness(&self, here: &Origin, now: EpochMillis) -> Result<Contents, InvalidSnapshot> {
        let Self(contents) = self;
        let mut text = serde_json::to_string(contents)?;
        let there = &contents.origin;
        for (there, here) in [
            (&there.instance, &here.instance),
            (&there.account, &here.account),
            (&there.manager, &here.manager),
            (&there.reader, &here.reader),
        ] {
            text = text.replace(there, here);
        }
        let contents: Value = serde_json::from_str(&text)?;
        let offset = i128::from(now.get()) - i128::from(self.0.at.get());
        let moved = time::moved_item(serde_dynamo::to_item(contents)?, offset);
        Ok(serde_dynamo::from_item(moved)?)
    }
}
