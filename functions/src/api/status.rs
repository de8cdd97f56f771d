//! The response of `GET /api/v2/keys/{id}/notifications`: a collection with one resource for each
//! service.

use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::Body;
use serde::Serialize;

use super::response::{Metadata, respond};
use crate::{
    domain::{CorrelationId, EpochMillis, LifecycleAction, ServiceName},
    ledger::{NotificationStatus, Pauses, ServiceStatus, Status},
};

/// The type of the collection.
pub(super) const COLLECTION: &str = "application/vnd.ibm.kms.notification+json";

/// The response with the status of a key's last notification, and which services are paused.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "serialization of strings and integers cannot fail")]
pub fn notification_status(
    status: &NotificationStatus,
    pauses: &Pauses,
    correlation_id: &CorrelationId,
) -> Response<Body> {
    let resources: Vec<_> = status.services.iter().map(|service| resource(status, pauses, service)).collect();
    let metadata = Metadata { collection_type: COLLECTION, collection_total: resources.len() };
    let body = serde_json::to_string(&Collection { metadata, resources })
        .expect("a struct of strings and integers always serializes");
    let mut response = respond(StatusCode::OK, Body::Text(body), correlation_id);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The status changes with each attempt, and is for this caller only.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Serialize)]
struct Collection<'a> {
    metadata: Metadata,
    resources: Vec<Resource<'a>>,
}

/// One service. Fields without a value are absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    service: &'a ServiceName,
    status: &'static str,
    sequence: u64,
    event_type: LifecycleAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adopter_key_state: Option<&'a str>,
}

fn resource<'a>(status: &'a NotificationStatus, pauses: &Pauses, service: &'a ServiceStatus) -> Resource<'a> {
    let is_pending = service.next_attempt.is_some() || service.status == Status::Pending;
    let text = |at: Option<EpochMillis>| at.map(|at| at.to_string());
    Resource {
        service: &service.service,
        status: service.status.as_str(),
        sequence: status.sequence,
        event_type: status.action,
        event_id: service.event_id.as_deref(),
        attempts: service.attempts,
        last_attempt: text(service.last_attempt),
        next_attempt: text(service.next_attempt),
        reason: service.reason.as_deref(),
        paused: is_pending && pauses.is_paused(&service.service),
        deadline: text(service.deadline),
        acknowledged_at: text(service.acknowledged_at),
        adopter_key_state: service.acknowledged_state.as_deref(),
    }
}
