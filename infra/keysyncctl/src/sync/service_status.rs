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
enum Answer {
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
        Answer::NotOffered => {
            output::remark("this endpoint does not report the status of services");
            return Ok(());
        }
        Answer::Statuses(statuses) => report.set_services(first, statuses),
        Answer::Unknown => {}
    }
    let progress = progress::bar(others.len(), "asking for the status of services");
    let mut asked = stream::iter(others)
        .map(async |key| (key, statuses(endpoint, key).await))
        .buffer_unordered(concurrency);
    while let Some((key, answer)) = asked.next().await {
        if let Answer::Statuses(statuses) = answer? {
            report.set_services(key, statuses);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

async fn statuses(endpoint: &Endpoint, crn: &KeyCrn) -> Result<Answer, Failure> {
    let key = crn.key.to_string();
    let path = ["keys", &key, "notifications"];
    match endpoint.send(&Call::get(&path, crn.instance.instance)).await {
        Err(CallError::Stopped(failure)) => Err(failure),
        Err(CallError::NoResponse { .. }) => Ok(Answer::Unknown),
        Ok(reply) if reply.status == StatusCode::OK => {
            let parsed = serde_json::from_slice(&reply.body);
            Ok(parsed.map_or(Answer::Unknown, |Collection { resources }| Answer::Statuses(resources)))
        }
        Ok(reply) => {
            let is_unknown_key = ErrorDocument::read(&reply.body).code.as_deref() == Some(UNKNOWN_KEY);
            let not_offered = matches!(reply.status.as_u16(), 404 | 405 | 501) && !is_unknown_key;
            Ok(if not_offered { Answer::NotOffered } else { Answer::Unknown })
        }
    }
}
