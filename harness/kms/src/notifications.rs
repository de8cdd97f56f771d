//! Status of a key's last notification by service, and acknowledgements by services (`event_ack`).

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use keysync::{
    domain::{EpochMillis, EventId, ServiceName},
    ledger::{
        KeyRecord,
        item::{Acknowledgement, Outcome, OutcomeStatus, Retry},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Endpoint, Registration, address::Caller, body, representation};

/// Maximum length of `adopterKeyState`, in characters, as in
/// `docs/reference/lifecycle-event.schema.json`.
const MAX_STATE_LENGTH: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventAcknowledgement {
    event_id: String,
    adopter_key_state: String,
    timestamp: String,
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
    let event = endpoint.0.events.acknowledgement(&key.record.crn, &fields.event_id, state, at);
    endpoint.wait_until_processed(event).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_instant(text: &str) -> Option<EpochMillis> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(EpochMillis::new)
}

/// Lists the status of the last notification for each service. An extension: the documented API has
/// no such operation.
pub(super) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
) -> Result<Json<Value>, ApiError> {
    let record = caller.key(&endpoint, "kms.registrations.list", name).await?.record;
    let registered = endpoint.0.store.registrations(&record.crn).await?;
    Ok(representation::collection("notification", &statuses(&record, &registered)))
}

/// The status of each service that was notified, is pending, or is to be notified next time.
fn statuses(record: &KeyRecord, registered: &[Registration]) -> Vec<Value> {
    let mut services: BTreeMap<&ServiceName, Value> = BTreeMap::new();
    let registered = registered.iter().map(|registration| registration.resource_crn.service());
    for service in record.pending.keys().chain(record.outcome.keys()).chain(registered) {
        let outcome = record.outcome.get(service).filter(|outcome| is_of(record, service, outcome));
        let acknowledged = record.acknowledged.get(service);
        services.insert(service, status(record, service, outcome, acknowledged));
    }
    services.into_values().collect()
}

fn status(
    record: &KeyRecord,
    service: &ServiceName,
    outcome: Option<&Outcome>,
    acknowledged: Option<&Acknowledgement>,
) -> Value {
    let status = match (acknowledged, outcome.map(|outcome| outcome.status)) {
        (Some(_), _) => "acknowledged",
        (None, Some(OutcomeStatus::Delivered)) => "delivered",
        (None, Some(OutcomeStatus::Refused)) => "refused",
        (None, Some(OutcomeStatus::Retrying)) => "retrying",
        (None, Some(OutcomeStatus::Failed)) => "failed",
        (None, None) if record.pending.contains_key(service) => "pending",
        (None, None) => "not-notified",
    };
    let retry: Option<&Retry> = record.retries.get(service);
    json!({
        "service": service,
        "status": status,
        "sequence": record.sequence,
        "eventType": record.event.action,
        "eventId": outcome.map(|outcome| &outcome.event_id),
        "attempts": outcome.map(|outcome| outcome.attempts),
        "lastAttempt": outcome.map(|outcome| outcome.at.to_string()),
        "nextAttempt": retry.map(|retry| retry.next_at.to_string()),
        "reason": outcome.and_then(|outcome| outcome.reason.as_ref()),
        "acknowledgedAt": acknowledged.map(|acknowledged| acknowledged.at.to_string()),
        "adopterKeyState": acknowledged.map(|acknowledged| &acknowledged.key_state),
    })
}

/// Whether an outcome is that of the last notification, not of an earlier one.
fn is_of(record: &KeyRecord, service: &ServiceName, outcome: &Outcome) -> bool {
    record.claim.is_some_and(|claim| {
        let id = EventId { key: record.crn.key, claim, service: service.clone() };
        outcome.event_id == id.to_string()
    })
}
