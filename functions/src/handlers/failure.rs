//! A request that was not served: its response, and the cause for the log.

use tokio::time::Instant;

use crate::{
    api::{BadRequest, ErrorResponse},
    telemetry::millis,
    usecases::{status::StatusError, sync::SyncError},
};

/// A request that was not served.
pub(super) struct Failure {
    /// The response, which discloses nothing internal.
    pub(super) response: ErrorResponse,
    /// The cause, for the log only.
    reason: String,
}

impl Failure {
    /// Writes the log line of the request: `rejected` for a 4xx, `failed` for a 5xx.
    pub(super) fn log(&self, started: Instant, rejected: &'static str, failed: &'static str) {
        let Self { response, reason } = self;
        let (outcome, status) = (response.code.as_str(), response.code.status().as_u16());
        let duration_ms = millis(started);
        if status < 500 {
            tracing::info!(outcome, status, reason, duration_ms, "{rejected}");
        } else {
            tracing::error!(outcome, status, reason, duration_ms, "{failed}");
        }
    }
}

impl From<BadRequest> for Failure {
    fn from(error: BadRequest) -> Self {
        let reason = error.to_string();
        Self { response: error.into(), reason }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        Self { response: (&error).into(), reason: error.to_string() }
    }
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        Self { response: (&error).into(), reason: error.to_string() }
    }
}
