//! Audit events of services that did not act on a notification (guarantee G9): one for each
//! service, notification and reason code.
//!
//! They are those that the documented service records for an action that did not complete: the
//! action `secrets.ack-<lifecycle action>`, with reason code 408 (nothing acknowledged in time) or
//! 409 (the acknowledged key state contradicts the key's). keysync adds 504, for a service that
//! could not be notified for 24 hours.

use http::StatusCode;
use serde::Serialize;

use super::{AuditEvent, Initiator, Reason, Target};
use crate::{
    domain::{CorrelationId, EpochMillis, KeyState, LifecycleAction, ResourceCrn, ServiceName, deadline},
    ledger::{Finding, FindingKind, Notification},
    trace_context::TraceContext,
};

/// `initiator.id` of what keysync finds itself.
const KEYSYNC: &str = "keysync";
/// `initiator.typeURI` of a service (CADF).
const SERVICE: &str = "service";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseData<'a> {
    service: &'a ServiceName,
    reason_for_failure: &'static str,
    #[serde(rename = "resourceCRN", skip_serializing_if = "Option::is_none")]
    resource_crn: Option<&'a ResourceCrn>,
    event_ack_data: EventAckData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventAckData<'a> {
    event_id: String,
    event_type: LifecycleAction,
    key_state: KeyState,
    notified_at: String,
    deadline: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    adopter_key_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_ack_time_stamp: Option<String>,
}

/// The audit event of a finding about a notification.
pub(super) fn event<'a>(
    notification: &'a Notification,
    finding: &'a Finding,
    trace: &TraceContext,
    now: EpochMillis,
) -> AuditEvent<&'a CorrelationId, (), ResponseData<'a>> {
    let key = &notification.key;
    let instance = &key.crn.instance;
    let (status, failure) = reason(finding.kind);
    let acknowledgement = finding.acknowledgement.as_ref();
    let notified = &finding.notification;
    let action = match notified.action {
        // Not an action that services act on; a sync may notify of it nevertheless.
        LifecycleAction::Create => format!("{}.secrets-event.ack", instance.service),
        action => format!("{}.secrets.ack-{}", instance.service, action.as_str()),
    };
    AuditEvent {
        audit: true,
        event_time: now.to_string(),
        action,
        outcome: "failure",
        severity: "warning",
        reason: Reason::new(status, Some(failure.to_owned())),
        initiator: Initiator { id: KEYSYNC.to_owned(), type_uri: SERVICE, credential: None },
        target: Target::new(key.crn.to_string(), &instance.service),
        log_source_crn: instance.to_string(),
        correlation_id: key.correlation_id.as_ref(),
        trace_id: trace.to_string(),
        request_data: None,
        response_data: ResponseData {
            service: &finding.service,
            reason_for_failure: failure,
            resource_crn: acknowledgement.and_then(|acknowledgement| acknowledgement.resource.as_ref()),
            event_ack_data: EventAckData {
                event_id: finding.event_id(key.crn.key).to_string(),
                event_type: notified.action,
                key_state: key.state,
                notified_at: notified.at.to_string(),
                deadline: deadline::of(notified.at).to_string(),
                adopter_key_state: acknowledgement.map(|acknowledgement| acknowledgement.key_state.as_str()),
                event_ack_time_stamp: acknowledgement.map(|acknowledgement| acknowledgement.at.to_string()),
            },
        },
    }
}

const fn reason(kind: FindingKind) -> (StatusCode, &'static str) {
    match kind {
        FindingKind::Overdue => (
            StatusCode::REQUEST_TIMEOUT,
            "OVERDUE: the service did not acknowledge within 4 hours that it acted on the notification",
        ),
        FindingKind::Conflicting => (
            StatusCode::CONFLICT,
            "CONFLICTING: the key state that the service acknowledged contradicts that of the key",
        ),
        FindingKind::Failed => (
            StatusCode::GATEWAY_TIMEOUT,
            "FAILED: the service could not be notified within 24 hours, and retries are exhausted",
        ),
    }
}
