//! Audit events of sync requests: caller, key and result.

use http::StatusCode;
use serde::Serialize;

use super::{AuditEvent, Credential, Initiator, Reason, Target, write};
use crate::{
    api::ErrorResponse,
    domain::{ClaimId, CorrelationId, EpochMillis, InstanceId, KeyId, KeyRing},
    iam::Authenticated,
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
    write(&event(audited, result));
}

fn event<'a>(
    audited: &AuditedRequest<'a>,
    result: Result<Synced, &ErrorResponse>,
) -> AuditEvent<&'a CorrelationId, RequestData<'a>, ResponseData> {
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
        reason: Reason::new(
            status,
            result.err().map(|ErrorResponse { code, message, .. }| format!("{}: {message}", code.as_str())),
        ),
        initiator: Initiator {
            type_uri: if caller.starts_with("iam-ServiceId-") { SERVICE_ID } else { USER },
            id: caller,
            credential: Some(Credential { r#type: "token" }),
        },
        target: Target::new(
            key.map_or_else(|| instance.to_string(), |key| instance.clone().key(key).to_string()),
            &instance.service,
        ),
        log_source_crn: instance.to_string(),
        correlation_id: Some(&request.correlation_id),
        trace_id: trace.to_string(),
        request_data: Some(RequestData {
            request_uri: format!("/api/v2/keys/{}/actions/sync", request.key),
            instance_id: request.instance,
            key_ring_id: request.ring.as_ref(),
        }),
        response_data: ResponseData {
            outcome: result.map_or_else(|error| error.code.as_str(), Synced::as_str),
            claim_id: match result {
                Ok(Synced::Notified(claim)) => Some(claim),
                _ => None,
            },
        },
    }
}
