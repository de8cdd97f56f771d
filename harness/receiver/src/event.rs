//! Parsing of the CloudEvent in a callback.

use serde::Deserialize;

use crate::{
    KeyState, KeyVersion, LifecycleAction, Notification, Rejected, Sequence,
    strict::{self, Object, digits, short},
};

/// Digits of the largest 64-bit integer.
const SEQUENCE_DIGITS: usize = 20;

/// Parses a body whose signature was verified together with `webhook_id`, as the receiver of
/// `service`.
pub(crate) fn read(body: &[u8], webhook_id: &str, service: &str) -> Result<Notification, Rejected> {
    let invalid = |message: String| Rejected::Body(message);
    let event: Event = strict::object(body).map_err(|error| invalid(short(&error)))?;
    let Event { specversion, id, source, r#type, subject, time, sequence, data: Object(data) } = event;
    if specversion != "1.0" {
        return Err(invalid(format!("`specversion` must be 1.0: got `{}`", short(&specversion))));
    }
    if r#type.strip_prefix("com.ibm.cloud.kms.key.") != Some(data.event_type.as_str()) {
        let (action, r#type) = (short(data.event_type.as_str()), short(&r#type));
        return Err(invalid(format!("`type` must be `com.ibm.cloud.kms.key.{action}`: got `{type}`")));
    }
    if subject != data.key_id {
        let (subject, key) = (short(&subject), short(&data.key_id));
        return Err(invalid(format!("`subject` is `{subject}`, and `data.keyId` is `{key}`")));
    }
    let number = digits(&sequence, SEQUENCE_DIGITS).ok_or_else(|| {
        invalid(format!("`sequence` must have at most 20 digits: got `{}`", short(&sequence)))
    })?;
    // The body is valid in itself, so what follows is about this attempt and this receiver.
    if id != webhook_id {
        return Err(Rejected::Id { header: short(webhook_id), event: short(&id) });
    }
    if data.service != service {
        return Err(Rejected::Service { event: short(&data.service), expected: short(service) });
    }
    Ok(Notification {
        event_id: id,
        sequence: Sequence(number),
        source,
        time,
        service: data.service,
        key_id: data.key_id,
        key_crn: data.key_crn,
        key_state: data.key_state,
        key_version: data.key_version.0,
        action: data.event_type,
        renotification: data.renotification,
        occurred_at: data.occurred_at,
        resource_count: data.resource_count,
    })
}

/// The CloudEvent. Unknown fields are ignored, so that events can be extended.
#[derive(Deserialize)]
struct Event {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    sequence: String,
    data: Object<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    key_id: String,
    key_crn: String,
    key_state: KeyState,
    key_version: Object<KeyVersion>,
    event_type: LifecycleAction,
    renotification: bool,
    occurred_at: String,
    service: String,
    resource_count: u64,
}
