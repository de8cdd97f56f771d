//! Audit events of replays: an operator had a notification delivered again (`ledger/replay.rs`).
//! `redeliver` writes them, because the operator's command has no log.

use http::StatusCode;
use serde::Serialize;

use super::{AuditEvent, Initiator, Reason, Target};
use crate::{
    domain::{ClaimId, CorrelationId, ServiceName},
    ledger::{Notification, item::Replay},
    trace_context::TraceContext,
};

/// `initiator.typeURI` of an operator. The command does not authenticate them: `CloudTrail` has the
/// AWS identity that wrote the replay.
const OPERATOR: &str = "operator";

#[derive(Serialize)]
pub(super) struct RequestData<'a> {
    reason: &'a str,
    services: &'a [ServiceName],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseData {
    claim_id: ClaimId,
}

/// The audit event of the replay of a notification.
pub(super) fn event<'a>(
    notification: &'a Notification,
    replay: &'a Replay,
    trace: &TraceContext,
) -> AuditEvent<&'a CorrelationId, RequestData<'a>, ResponseData> {
    let crn = &notification.key.crn;
    AuditEvent {
        audit: true,
        event_time: replay.at.to_string(),
        action: format!("{}.secrets-event.replay", crn.instance.service),
        outcome: "success",
        severity: "normal",
        reason: Reason::new(StatusCode::ACCEPTED, None),
        initiator: Initiator { id: replay.operator.clone(), type_uri: OPERATOR, credential: None },
        target: Target::new(crn.to_string(), &crn.instance.service),
        log_source_crn: crn.instance.to_string(),
        correlation_id: None,
        trace_id: trace.to_string(),
        request_data: Some(RequestData { reason: &replay.reason, services: &replay.services }),
        response_data: ResponseData { claim_id: replay.claim },
    }
}
