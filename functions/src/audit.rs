//! Audit events: who asked for a sync of which key, and what they were told. One line of the log for each
//! request whose caller is known, whatever the level of the log.
//!
//! They have the shape of the documented service's activity events, which follow the Cloud Auditing Data
//! Federation (CADF): `docs/reference/audit-event.schema.json`. Nothing in them is secret: an IAM id names somebody
//! and proves nothing.

use http::StatusCode;
use serde::Serialize;

use crate::{
    api::ErrorResponse,
    domain::{ClaimId, CorrelationId, EpochMillis, InstanceId, KeyId, KeyRing},
    iam::Authenticated,
    telemetry::AUDIT,
    trace_context::TraceContext,
    usecases::sync::{SyncRequest, Synced},
};

/// What an initiator is.
const USER: &str = "service/security/account/user";
const SERVICE_ID: &str = "service/security/account/serviceid";

/// A request whose caller is known.
#[derive(Debug)]
pub(crate) struct AuditedRequest<'a> {
    /// It.
    pub(crate) request: &'a SyncRequest,
    /// Who made it.
    pub(crate) who: &'a Authenticated,
    /// The key, as far as the caller may know it. Without, the target is the instance.
    pub(crate) key: Option<KeyId>,
    /// The trace that it belongs to.
    pub(crate) trace: &'a TraceContext,
    /// When it was answered.
    pub(crate) now: EpochMillis,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditEvent<'a> {
    /// Tells these lines from all others.
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
    correlation_id: &'a CorrelationId,
    trace_id: String,
    request_data: RequestData<'a>,
    response_data: ResponseData,
}

#[derive(Serialize)]
struct Reason {
    #[serde(rename = "reasonCode")]
    status: u16,
    #[serde(rename = "reasonType")]
    in_words: &'static str,
    #[serde(rename = "reasonForFailure", skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

#[derive(Serialize)]
struct Initiator {
    id: String,
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    credential: Credential,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestData<'a> {
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(rename = "instanceID")]
    instance_id: InstanceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ring_id: Option<&'a KeyRing>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseData {
    /// As in the log: `notified`, `replayed`, or the refusal's code.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_id: Option<ClaimId>,
}

/// Writes down what was asked by whom, and answered.
pub(crate) fn record(audited: &AuditedRequest<'_>, answer: Result<Synced, &ErrorResponse>) {
    match serde_json::to_string(&event(audited, answer)) {
        Ok(event) => tracing::info!(target: AUDIT, "{event}"),
        Err(error) => tracing::error!(%error, "an audit event could not be written"),
    }
}

fn event<'a>(audited: &AuditedRequest<'a>, answer: Result<Synced, &ErrorResponse>) -> AuditEvent<'a> {
    let AuditedRequest { request, who, key, trace, now } = *audited;
    let (caller, instance) = (who.caller.to_string(), &who.instance);
    let status = answer.map_or_else(|refusal| refusal.code.status(), |_| StatusCode::NO_CONTENT);
    AuditEvent {
        audit: true,
        event_time: now.to_string(),
        action: format!("{}.secrets.sync", instance.service),
        outcome: if answer.is_ok() { "success" } else { "failure" },
        severity: match status {
            StatusCode::NO_CONTENT => "normal",
            StatusCode::UNAUTHORIZED => "critical",
            _ => "warning",
        },
        reason: Reason {
            status: status.as_u16(),
            in_words: status.canonical_reason().unwrap_or_default(),
            refusal: answer
                .err()
                .map(|ErrorResponse { code, message, .. }| format!("{}: {message}", code.as_str())),
        },
        initiator: Initiator {
            type_uri: if caller.starts_with("iam-ServiceId-") { SERVICE_ID } else { USER },
            id: caller,
            credential: Credential { r#type: "token" },
        },
        target: Target {
            id: key.map_or_else(|| instance.to_string(), |key| instance.clone().key(key).to_string()),
            type_uri: format!("{}/secrets", instance.service),
        },
        log_source_crn: instance.to_string(),
        correlation_id: &request.correlation_id,
        trace_id: trace.to_string(),
        request_data: RequestData {
            request_uri: format!("/api/v2/keys/{}/actions/sync", request.key),
            instance_id: request.instance,
            key_ring_id: request.ring.as_ref(),
        },
        response_data: ResponseData {
            outcome: answer.map_or_else(|refusal| refusal.code.as_str(), Synced::as_str),
            claim_id: match answer {
                Ok(Synced::Notified(claim)) => Some(claim),
                _ => None,
            },
        },
    }
}
