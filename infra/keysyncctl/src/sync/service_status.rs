//! The status of each service after a sync, where the endpoint offers
//! `GET /keys/{id}/notifications`.

use futures_util::{StreamExt, stream};
use http::StatusCode;
use keysync::domain::KeyCrn;
use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::{
    cli::output,
    endpoint::{Call, CallError, Endpoint, ErrorDocument},
    failure::Failure,
    progress,
};

/// The reason code of a key that does not exist. Another 404 means that the endpoint does not have
/// the request.
const UNKNOWN_KEY: &str = "KEY_NOT_FOUND_ERR";

/// The status of a key's last notification at one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceStatus {
    pub(super) service: String,
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<String>,
}

/// The response to a request for the status.
enum Reply {
    Statuses(Vec<ServiceStatus>),
    /// The endpoint does not offer the request.
    NotOffered,
    /// This key's status is unknown.
    Unknown,
}

#[derive(Deserialize)]
struct Collection {
    resources: Vec<ServiceStatus>,
}

/// Adds the status of the services of each key that was accepted or is too early.
pub(super) async fn add(endpoint: &Endpoint, report: &mut Report, concurrency: usize) -> Result<(), Failure> {
    let keys: Vec<KeyCrn> = report.with_notification().cloned().collect();
    // The first one alone: an endpoint that does not offer the request is not asked a thousand
    // times.
    let Some((first, others)) = keys.split_first() else { return Ok(()) };
    match statuses(endpoint, first).await? {
        Reply::NotOffered => {
            output::remark("this endpoint does not report the status of services");
            return Ok(());
        }
        Reply::Statuses(statuses) => report.set_services(first, statuses),
        Reply::Unknown => {}
    }
    let progress = progress::bar(others.len(), "asking for the status of services");
    let mut asked = stream::iter(others)
        .map(async |key| (key, statuses(endpoint, key).await))
        .buffer_unordered(concurrency);
    while let Some((key, result)) = asked.next().await {
        if let Reply::Statuses(statuses) = result? {
            report.set_services(key, statuses);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

async fn statuses(endpoint: &Endpoint, crn: &KeyCrn) -> Result<Reply, Failure> {
    let key = crn.key.to_string();
    let path = ["keys", &key, "notifications"];
    match endpoint.send(&Call::get(&path, crn.instance.instance)).await {
        Err(CallError::Stopped(failure)) => Err(failure),
        Err(CallError::NoResponse { .. }) => Ok(Reply::Unknown),
        Ok(response) if response.status == StatusCode::OK => {
            let parsed = serde_json::from_slice(&response.body);
            Ok(parsed.map_or(Reply::Unknown, |Collection { resources }| Reply::Statuses(resources)))
        }
        Ok(response) => {
            let is_unknown_key = ErrorDocument::read(&response.body).code.as_deref() == Some(UNKNOWN_KEY);
            let not_offered = matches!(response.status.as_u16(), 404 | 405 | 501) && !is_unknown_key;
            Ok(if not_offered { Reply::NotOffered } else { Reply::Unknown })
        }
    }
}
