//! Audit events: caller, key and result of each sync request whose caller is authenticated. One log
//! line per request, at every `KEYSYNC_LOG` level.
//!
//! They have the structure of the documented service's activity events, which follow the Cloud
//! Auditing Data Federation (CADF, DMTF DSP0262): `docs/reference/audit-event.schema.json`. They
//! contain no secret: an IAM id is an identifier, not a credential.

use http::StatusCode;
use serde::Serialize;

use crate::{
    api::ErrorResponse,
    domain::{ClaimId, CorrelationId, EpochMillis, InstanceId, KeyId, KeyRing},
    iam::Authenticated,
    telemetry::AUDIT,
    trace_context::TraceContext,
    usecases::{KeyRequest, sync::Synced},
};

/// `initiator.typeURI` of a user.
const USER: &str = "service/security/account/user";
/// `initiator.typeURI` of a service id.
const SERVICE_ID: &str = "service/security/account/serviceid";

/// A request with an authenticated caller.
#[derive(Debug)]
pub(crate) struct AuditedRequest<'a> {
    /// The request.
    pub(crate) request: &'a KeyRequest,
    /// The caller, and the instance that the request is about.
    pub(crate) authenticated: &'a Authenticated,
    /// The key. `None` makes the instance the target: an alias names no key, or none that the
    /// caller may learn.
    pub(crate) key: Option<KeyId>,
    /// The trace of the request.
    pub(crate) trace: &'a TraceContext,
    /// The instant at which the response was determined.
    pub(crate) now: EpochMillis,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditEvent<'a> {
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
    text: &'static str,
    #[serde(rename = "reasonForFailure", skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
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
    /// As in the log: `notified`, `replayed` or a reason code.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_id: Option<ClaimId>,
}

/// Writes the audit event of a request and its result.
pub(crate) fn record(audited: &AuditedRequest<'_>, result: Result<Synced, &ErrorResponse>) {
    match serde_json::to_string(&event(audited, result)) {
        Ok(event) => tracing::info!(target: AUDIT, "{event}"),
        Err(error) => tracing::error!(%error, "audit event could not be written"),
    }
}

fn event<'a>(audited: &AuditedRequest<'a>, result: Result<Synced, &ErrorResponse>) -> AuditEvent<'a> {
    let AuditedRequest { request, authenticated, key, trace, now } = *audited;
    let (caller, instance) = (authenticated.caller.to_string(), &authenticated.instance);
    let status = result.map_or_else(|error| error.code.status(), |_| StatusCode::NO_CONTENT);
    AuditEvent {
        audit: true,
        event_time: now.to_string(),
        action: format!("{}.secrets.sync", instance.service),
        outcome: if result.is_ok() { "success" } else { "failure" },
        severity: match status {
            StatusCode::NO_CONTENT => "normal",
            StatusCode::UNAUTHORIZED => "critical",
            _ => "warning",
        },
        reason: Reason {
            status: status.as_u16(),
            text: status.canonical_reason().expect("every status of a reason code is registered"),
            failure: result
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
            outcome: result.map_or_else(|error| error.code.as_str(), Synced::as_str),
            claim_id: match result {
                Ok(Synced::Notified(claim)) => Some(claim),
                _ => None,
            },
        },
    }
}
