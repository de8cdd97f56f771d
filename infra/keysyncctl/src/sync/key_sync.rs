//! The sync of one key.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use keysync::{
    Clock,
    domain::{CorrelationId, KeyCrn},
};
use tokio::time::Instant;

use super::{
    result::{KeyResult, Outcome},
    run_state::RunLog,
};
use crate::{
    endpoint::{Call, CallError, Endpoint, ErrorDocument},
    failure::Failure,
};

/// A key that is to be synchronized.
#[derive(Clone, Debug)]
pub(super) struct KeySync {
    pub(super) crn: KeyCrn,
    pub(super) correlation_id: CorrelationId,
    /// Whether the correlation id is in the state file.
    pub(super) is_recorded: bool,
    pub(super) not_before: Option<Instant>,
}

/// A sync and its result.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) sync: KeySync,
    pub(super) result: KeyResult,
}

impl KeySync {
    /// Another sync of the same key, not before `at`: a new request.
    pub(super) fn again(self, at: Instant) -> Self {
        let correlation_id = CorrelationId::random();
        Self { correlation_id, is_recorded: false, not_before: Some(at), ..self }
    }

    /// Sends the sync, and repeats it while it is throttled or gets no response.
    pub(super) async fn run(self, endpoint: &Endpoint, log: &RunLog) -> Result<Attempted, Failure> {
        if let Some(at) = self.not_before {
            tokio::time::sleep_until(at).await;
        }
        if !self.is_recorded {
            log.started(&self)?;
        }
        let key = self.crn.key.to_string();
        let call = Call {
            method: Method::POST,
            path: &["keys", &key, "actions", "sync"],
            query: &[],
            instance: self.crn.instance.instance,
            ring: None,
            correlation_id: self.correlation_id.clone(),
        };
        let reply = endpoint.send(&call).await;
        let at = now();
        let result = KeyResult {
            crn: self.crn.clone(),
            outcome: Outcome::Failed,
            status: None,
            code: None,
            message: None,
            allowed_from: None,
            attempts: 0,
            correlation_id: self.correlation_id.to_string(),
            at,
            retry_after: None,
        };
        let result = match reply {
            Err(CallError::Stopped(failure)) => return Err(failure),
            Err(CallError::NoResponse { reason, attempts }) => {
                KeyResult { message: Some(reason), attempts, ..result }
            }
            Ok(reply) => {
                let document = ErrorDocument::read(&reply.body);
                let outcome = Outcome::of(reply.status);
                let named = document.instant().filter(|_| outcome == Outcome::TooEarly);
                let retry_after = reply.retry_after.or_else(|| {
                    named.map(|named| Duration::try_from(named.duration_since(at)).unwrap_or_default())
                });
                let retry_after = retry_after.filter(|_| outcome == Outcome::TooEarly);
                KeyResult {
                    outcome,
                    status: Some(reply.status.as_u16()),
                    allowed_from: named.or_else(|| retry_after.and_then(|wait| at.checked_add(wait).ok())),
                    code: document.code,
                    message: document.message,
                    attempts: reply.attempts,
                    retry_after,
                    ..result
                }
            }
        };
        Ok(Attempted { sync: self, result })
    }
}

/// The present instant, to the millisecond.
fn now() -> Timestamp {
    let millis = i64::try_from(Clock::system().now().get()).unwrap_or_default();
    Timestamp::from_millisecond(millis).unwrap_or_default()
}
