//! Audit events, one log line each, at every `KEYSYNC_LOG` level: one for each sync request whose
//! caller is authenticated, one for each service that did not act on a notification, and one for
//! each replay by an operator.
//!
//! They have the structure of the documented service's activity events, which follow the Cloud
//! Auditing Data Federation (CADF, DMTF DSP0262): `docs/reference/audit-event.schema.json`. They
//! contain no secret: an IAM id is an identifier, not a credential.

mod finding;
mod replay;
mod sync;

use http::StatusCode;
use serde::Serialize;

use crate::{
    dispatch::Audited, domain::EpochMillis, ledger::Notification, telemetry::AUDIT,
    trace_context::TraceContext,
};

pub(crate) use sync::{AuditedRequest, record};

/// Writes the audit event of what happened to a notification.
pub(crate) fn record_notification(
    notification: &Notification,
    audited: Audited<'_>,
    trace: &TraceContext,
    now: EpochMillis,
) {
    match audited {
        Audited::Finding(finding) => write(&finding::event(notification, finding, trace, now)),
        Audited::Replay(replay) => write(&replay::event(notification, replay, trace)),
    }
}

/// An audit event: `C` is the correlation id, `Q` the request, `R` the result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditEvent<C, Q, R> {
    /// Always true; distinguishes audit events from other log lines.
    audit: bool,
    event_time: String,
    action: String,
    outcome: &'static str,
    severity: &'static str,
    reason: Reason,
    initiator: Initiator,
    target: Target,
    #[serde(rename = "logSourceCRN")]
    log_source_crn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<C>,
    trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_data: Option<Q>,
    response_data: R,
}

#[derive(Serialize)]
struct Reason {
    #[serde(rename = "reasonCode")]
    status: u16,
    #[serde(rename = "reasonType")]
    text: &'static str,
    #[serde(rename = "reasonForFailure", skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Reason {
    fn new(status: StatusCode, failure: Option<String>) -> Self {
        let text = status.canonical_reason().expect("every status of an audit event is registered");
        Self { status: status.as_u16(), text, failure }
    }
}

#[derive(Serialize)]
struct Initiator {
    id: String,
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<Credential>,
}

#[derive(Serialize)]
struct Credential {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Target {
    id: String,
    #[serde(rename = "typeURI")]
    type_uri: String,
}

impl Target {
    /// The key or instance `crn` of `service`.
    fn new(crn: String, service: &str) -> Self {
        Self { id: crn, type_uri: format!("{service}/secrets") }
    }
}

fn write(event: &impl Serialize) {
    match serde_json::to_string(event) {
        Ok(event) => tracing::info!(target: AUDIT, "{event}"),
        Err(error) => tracing::error!(%error, "audit event could not be written"),
    }
}
