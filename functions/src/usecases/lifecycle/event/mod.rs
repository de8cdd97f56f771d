//! Lifecycle events of schema version 1, as `EventBridge` delivers them
//! (`docs/reference/lifecycle-events.md`).
//!
//! Every event of a lifecycle action carries all facts of the key, so that no event depends on an
//! earlier one. Unknown fields are ignored: version 1 may gain optional fields.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::{
    domain::{
        EpochMillis, EventId, KeyCrn, KeyFacts, KeyRing, KeyState, KeyType, KeyVersion, LifecycleAction,
        ResourceCrn, ServiceName,
    },
    ledger::MAX_SERVICES,
    strict_json::Strict,
};

/// The supported value of `detail.schemaVersion`.
const SCHEMA_VERSION: u64 = 1;

/// A parsed lifecycle event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The key.
    pub key: KeyCrn,
    /// The instant of the event, not of its arrival.
    pub occurred_at: EpochMillis,
    /// The kind of event, with its data.
    pub kind: KeyEventKind,
}

/// The kinds of lifecycle events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEventKind {
    /// A lifecycle action.
    Action {
        /// The action.
        action: LifecycleAction,
        /// The key after the action.
        facts: KeyFacts,
    },
    /// The key was purged.
    Purge,
    /// This resource was registered with the key.
    RegistrationCreated(ResourceCrn),
    /// The registration of this resource was deleted.
    RegistrationDeleted(ResourceCrn),
    /// A service acted on a notification.
    Acknowledgement {
        /// The id of the notification's event for the service.
        event_id: EventId,
        /// The state that the key now has at the service, in the service's own words: 0 to 64
        /// characters.
        key_state: String,
        /// The resource that the acknowledgement is about, if it names one.
        resource: Option<ResourceCrn>,
    },
}

/// An event that a retry cannot process: it cannot be parsed, or it contradicts the ledger. The
/// text names the field, the rule and the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedEvent(String);

impl MalformedEvent {
    pub(super) fn in_the_future(occurred_at: EpochMillis, now: EpochMillis, max: Duration) -> Self {
        let minutes = max.as_secs() / 60;
        Self(format!(
            "detail.occurredAt must be at most {minutes} min ahead of the clock ({now}): got {occurred_at}"
        ))
    }

    pub(super) fn before_notification(at: EpochMillis) -> Self {
        Self(format!(
            "detail.occurredAt of an acknowledgement must not be before the notification that it acknowledges: got {at}"
        ))
    }

    pub(super) fn crn_mismatch(key: &KeyCrn) -> Self {
        Self(format!(
            "detail.keyCrn must have the account, service and region of the stored key: got `{key}`"
        ))
    }

    pub(super) fn unknown_key(waited: Duration) -> Self {
        let minutes = waited.as_secs() / 60;
        Self(format!(
            "detail.keyCrn names an unknown key: no event created it within {minutes} min after this event"
        ))
    }

    pub(super) fn too_many_services(service: &ServiceName) -> Self {
        Self(format!(
            "detail.resourceCrn: the key has registrations of {MAX_SERVICES} services, the maximum: got one of `{service}`"
        ))
    }
}

impl KeyEvent {
    /// Parses the JSON of an event.
    pub fn read(json: &str) -> Result<Self, MalformedEvent> {
        let Envelope { detail_type, detail: common } = read::<Common>(json)?;
        if common.schema_version != SCHEMA_VERSION {
            let got = common.schema_version;
            return Err(MalformedEvent(format!("detail.schemaVersion must be {SCHEMA_VERSION}: got {got}")));
        }
        let kind = parse_kind(&detail_type, json, &common)?;
        Ok(Self { key: common.key_crn, occurred_at: common.occurred_at.0, kind })
    }
}

/// Parses the part of the event that depends on its type.
fn parse_kind(detail_type: &str, json: &str, common: &Common) -> Result<KeyEventKind, MalformedEvent> {
    let action = match detail_type {
        "kms.secrets.create" => LifecycleAction::Create,
        "kms.secrets.rotate" => LifecycleAction::Rotate,
        "kms.secrets.delete" => LifecycleAction::Delete,
        "kms.secrets.restore" => LifecycleAction::Restore,
        "kms.secrets.enable" => LifecycleAction::Enable,
        "kms.secrets.disable" => LifecycleAction::Disable,
        "kms.secrets.purge" => return Ok(KeyEventKind::Purge),
        "kms.registrations.create" => return Ok(KeyEventKind::RegistrationCreated(resource(json)?)),
        "kms.registrations.delete" => return Ok(KeyEventKind::RegistrationDeleted(resource(json)?)),
        "kms.secrets-event.ack" => return acknowledgement(json, common),
        other => return Err(MalformedEvent(format!("detail-type is unknown: got `{other}`"))),
    };
    let Key { kind, state, ring, version } = read(json)?.detail;
    if !action.leads_to(state) {
        let (state, action) = (u8::from(state), action.as_str());
        return Err(MalformedEvent(format!("detail.keyState cannot be {state} after the action `{action}`")));
    }
    let version = KeyVersion { id: version.id.0, created_at: version.creation_date.0 };
    let facts = KeyFacts { crn: common.key_crn.clone(), key_type: kind, state, ring, version };
    Ok(KeyEventKind::Action { action, facts })
}

fn resource(json: &str) -> Result<ResourceCrn, MalformedEvent> {
    Ok(read::<Registration>(json)?.detail.resource_crn)
}

fn acknowledgement(json: &str, common: &Common) -> Result<KeyEventKind, MalformedEvent> {
    let Acknowledgement { event_id, adopter_key_state, resource_crn: resource } = read(json)?.detail;
    let event_id: EventId = event_id
        .parse()
        .map_err(|error| MalformedEvent(format!("detail.eventId {error}: got `{event_id}`")))?;
    if event_id.key != common.key_crn.key {
        return Err(MalformedEvent("detail.eventId and detail.keyCrn must name the same key".to_owned()));
    }
    let key_state = adopter_key_state.0.chars().take(STORED_KEY_STATE_CHARS).collect();
    if let Some(resource) = resource.as_ref().filter(|resource| *resource.service() != event_id.service) {
        return Err(MalformedEvent(format!(
            "detail.resourceCrn must be a resource of the service in detail.eventId, `{}`: got one of `{}`",
            event_id.service,
            resource.service()
        )));
    }
    Ok(KeyEventKind::Acknowledgement { event_id, key_state, resource })
}

/// The stored part of `adopterKeyState`, in characters
/// (docs/reference/limits.md#adopter-key-state).
const STORED_KEY_STATE_CHARS: usize = 64;
/// The maximum length of `adopterKeyState`, in characters.
const MAX_KEY_STATE_CHARS: usize = 256;
/// The maximum length of a key version's id, in characters (docs/reference/limits.md#version-id).
const MAX_VERSION_ID_CHARS: usize = 128;
/// The maximum length of an instant, in characters: nanoseconds and an offset
/// (docs/reference/limits.md#instant-length).
const MAX_INSTANT_CHARS: usize = 35;

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
    id: Text<1, MAX_VERSION_ID_CHARS>,
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
    adopter_key_state: Text<0, MAX_KEY_STATE_CHARS>,
    /// Absent, or a CRN; `null` is malformed.
    #[serde(default, deserialize_with = "present")]
    resource_crn: Option<ResourceCrn>,
}

/// A value that is not `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A string of `MIN` to `MAX` Unicode characters, which JSON Schema counts, too.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> TryFrom<String> for Text<MIN, MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            length if (MIN..=MAX).contains(&length) => Ok(Self(text)),
            length => Err(format!("must be {MIN} to {MAX} characters long: got {length}")),
        }
    }
}

/// An instant of RFC 3339, truncated to milliseconds.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Instant(EpochMillis);

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > MAX_INSTANT_CHARS {
            let length = text.chars().count();
            return Err(format!(
                "must be an instant of at most {MAX_INSTANT_CHARS} characters: got {length}"
            ));
        }
        let invalid = || format!("must be an RFC 3339 instant since 1970: got `{text}`");
        let at: Timestamp = text.parse().map_err(|_| invalid())?;
        u64::try_from(at.as_millisecond()).map(|millis| Self(EpochMillis::new(millis))).map_err(|_| invalid())
    }
}

/// Parses an event with a `detail` of type `D`. The error names the invalid field.
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
