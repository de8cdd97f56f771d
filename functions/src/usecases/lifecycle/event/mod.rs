//! Lifecycle events, as they come over `EventBridge`: schema version 1 (`docs/reference/lifecycle-events.md`).
//!
//! Every event about a key tells all that the key is, so that none needs another one to have come before.
//! Unknown fields are passed over: a later minor form of version 1 may add some.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    domain::{
        EpochMillis, EventId, KeyCrn, KeyFacts, KeyRing, KeyState, KeyType, KeyVersion, LifecycleAction,
        ResourceCrn, ServiceName,
    },
    ledger::MAX_SERVICES,
    strict_json::Strict,
};

/// The one version of `detail` that is read here.
const SCHEMA_VERSION: u64 = 1;

/// Something happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The key.
    pub key: KeyCrn,
    /// When it happened.
    pub occurred_at: EpochMillis,
    /// What.
    pub kind: KeyEventKind,
}

/// What happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEventKind {
    /// A lifecycle action was taken, and this is the key now.
    Action(LifecycleAction, KeyFacts),
    /// It was purged.
    Purge,
    /// A resource was registered with it, or (false) is no longer.
    Registration(ResourceCrn, bool),
    /// A service says that it acted on what it was told, and what the key's state is to it.
    Acknowledgement(EventId, String),
}

/// An event that cannot be read. It will not be better the next time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedEvent(String);

impl MalformedEvent {
    pub(super) fn from_the_future(occurred_at: EpochMillis, now: EpochMillis) -> Self {
        Self(format!("detail.occurredAt must not be ahead of the clock, which says {now}: got {occurred_at}"))
    }

    pub(super) fn crn_mismatch(key: &KeyCrn) -> Self {
        Self(format!(
            "detail.keyCrn must have the account, service and region of the stored key: got `{key}`"
        ))
    }

    pub(super) fn unknown_key(after: Duration) -> Self {
        Self(format!(
            "detail.keyCrn names a key that no event has told of, {} min after this one",
            after.as_secs() / 60
        ))
    }

    pub(super) fn too_many_services(service: &ServiceName) -> Self {
        Self(format!(
            "detail.resourceCrn: the key has registrations of {MAX_SERVICES} services, which is the most: got one of `{service}`"
        ))
    }
}

impl KeyEvent {
    /// Reads an event's JSON.
    pub fn read(json: &str) -> Result<Self, MalformedEvent> {
        let Envelope { detail_type, detail: common } = read::<Common>(json)?;
        if common.schema_version != SCHEMA_VERSION {
            let got = common.schema_version;
            return Err(MalformedEvent(format!("detail.schemaVersion must be {SCHEMA_VERSION}: got {got}")));
        }
        let kind = event_kind(&detail_type, json, &common)?;
        Ok(Self { key: common.key_crn, occurred_at: common.occurred_at.0, kind })
    }
}

fn event_kind(detail_type: &str, json: &str, common: &Common) -> Result<KeyEventKind, MalformedEvent> {
    let action = match detail_type {
        "kms.secrets.create" => LifecycleAction::Create,
        "kms.secrets.rotate" => LifecycleAction::Rotate,
        "kms.secrets.delete" => LifecycleAction::Delete,
        "kms.secrets.restore" => LifecycleAction::Restore,
        "kms.secrets.enable" => LifecycleAction::Enable,
        "kms.secrets.disable" => LifecycleAction::Disable,
        "kms.secrets.purge" => return Ok(KeyEventKind::Purge),
        "kms.registrations.create" | "kms.registrations.delete" => {
            let registration: Registration = read(json)?.detail;
            return Ok(KeyEventKind::Registration(
                registration.resource_crn,
                detail_type.ends_with("create"),
            ));
        }
        "kms.secrets-event.ack" => return acknowledgement(json, common),
        other => {
            return Err(MalformedEvent(format!(
                "detail-type names no event that is known here: got `{other}`"
            )));
        }
    };
    let Key { kind, state, ring, version } = read(json)?.detail;
    if !action.leads_to(state) {
        let (state, action) = (u8::from(state), action.as_str());
        return Err(MalformedEvent(format!("detail.keyState cannot be {state} after the action `{action}`")));
    }
    let version = KeyVersion { id: version.id.0, created_at: version.creation_date.0 };
    let facts = KeyFacts { crn: common.key_crn.clone(), key_type: kind, state, ring, version };
    Ok(KeyEventKind::Action(action, facts))
}

fn acknowledgement(json: &str, common: &Common) -> Result<KeyEventKind, MalformedEvent> {
    let Acknowledgement { event_id, adopter_key_state } = read(json)?.detail;
    let event: EventId = event_id
        .parse()
        .map_err(|error| MalformedEvent(format!("detail.eventId {error}: got `{event_id}`")))?;
    if event.key != common.key_crn.key {
        return Err(MalformedEvent("detail.eventId and detail.keyCrn must name the same key".to_owned()));
    }
    let state: String = adopter_key_state.0.chars().take(KEPT_OF_STATE).collect();
    Ok(KeyEventKind::Acknowledgement(event, state))
}

/// How much of a service's own word for a state is kept, in characters.
const KEPT_OF_STATE: usize = 64;
/// How long that may be, in characters.
const MAX_TRACESTATE_BYTES: usize = 256;
/// How long a version's identifier may be, in characters.
const LONGEST_VERSION_ID: usize = 128;
/// How long an instant may be, in characters: to the nanosecond, with an offset.
const LONGEST_INSTANT: usize = 35;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope<D> {
    detail_type: String,
    detail: D,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Common {
    schema_version: u64,
    key_crn: KeyCrn,
    occurred_at: Instant,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "keyType")]
    kind: KeyType,
    #[serde(rename = "keyState")]
    state: KeyState,
    #[serde(rename = "keyRing", default)]
    ring: KeyRing,
    #[serde(rename = "keyVersion")]
    version: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    id: Text<1, LONGEST_VERSION_ID>,
    creation_date: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    resource_crn: ResourceCrn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acknowledgement {
    event_id: String,
    adopter_key_state: Text<0, MAX_TRACESTATE_BYTES>,
}

/// A text of `LEAST` to `MOST` characters, as JSON Schema counts them.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Text<const LEAST: usize, const MOST: usize>(String);

impl<const LEAST: usize, const MOST: usize> TryFrom<String> for Text<LEAST, MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            length if (LEAST..=MOST).contains(&length) => Ok(Self(text)),
            length => Err(format!("must be {LEAST} to {MOST} characters long: got {length}")),
        }
    }
}

/// RFC 3339, to the millisecond.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Instant(EpochMillis);

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > LONGEST_INSTANT {
            let length = text.chars().count();
            return Err(format!("must be an instant of at most {LONGEST_INSTANT} characters: got {length}"));
        }
        let wrong = || format!("must be an instant since 1970 by RFC 3339: got `{text}`");
        let at: Timestamp = text.parse().map_err(|_| wrong())?;
        u64::try_from(at.as_millisecond()).map(|millis| Self(EpochMillis::new(millis))).map_err(|_| wrong())
    }
}

/// Reads an event, and of its `detail` a `D`; or says which field does not read and why.
fn read<D: for<'de> Deserialize<'de>>(json: &str) -> Result<Envelope<D>, MalformedEvent> {
    let mut json = serde_json::Deserializer::from_str(json);
    let event = serde_path_to_error::deserialize(Strict::new(&mut json)).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "the event".to_owned(),
            path => path,
        };
        MalformedEvent(format!("{path}: {}", error.inner()))
    })?;
    json.end().map_err(|error| MalformedEvent(format!("the event: {error}")))?;
    Ok(event)
}

#[cfg(test)]
mod tests;
