//! Acknowledgements by services (`event_ack`).

use axum::{body::Bytes, extract::State, http::StatusCode};
use jiff::Timestamp;
use keysync::domain::{EpochMillis, EventId, ResourceCrn};
use serde::Deserialize;

use super::{ApiError, Endpoint, address::Caller, body};

/// Maximum length of `adopterKeyState`, in characters, as in
/// `docs/reference/lifecycle-event.schema.json`.
const MAX_STATE_LENGTH: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventAcknowledgement {
    event_id: String,
    adopter_key_state: String,
    timestamp: String,
    /// An addition: the resource that the acknowledgement is about.
    resource_crn: Option<ResourceCrn>,
}

/// Acknowledges that a service acted on a notification.
pub(super) async fn acknowledge(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    caller.authorize(&endpoint, "kms.secrets-event.ack")?;
    let fields: EventAcknowledgement = body::one(&body)?;
    let id: EventId = fields.event_id.parse().map_err(|error| ApiError::field("eventId", error))?;
    let at = parse_instant(&fields.timestamp).ok_or_else(|| {
        ApiError::field("timestamp", format!("must be an RFC 3339 timestamp: got `{}`", fields.timestamp))
    })?;
    let key = endpoint.0.store.get(caller.instance, id.key).await?;
    let state = &fields.adopter_key_state;
    if state.chars().count() > MAX_STATE_LENGTH {
        return Err(ApiError::field(
            "adopterKeyState",
            format!("must have at most {MAX_STATE_LENGTH} characters"),
        ));
    }
    let resource = fields.resource_crn.as_ref();
    let event = endpoint.0.events.acknowledgement(&key.record.crn, &fields.event_id, state, resource, at);
    endpoint.wait_until_processed(event).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_instant(text: &str) -> Option<EpochMillis> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(EpochMillis::new)
}
