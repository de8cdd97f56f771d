//! The response to an `UpdateItem` request: one of the two clear outcomes, or why there is none.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};
use serde::Deserialize;

use super::{WAIT, WAIT_IF_THROTTLED};
use crate::ledger::{conflict, item::KeyRecord, typed_json::Typed};

/// The header with the CRC32 of the body.
const CRC32: &str = "x-amz-crc32";
/// The length of the longest body that is read. An item has 400 KB at most
/// (`docs/reference/limits.md#thin-client`).
const MAX_BODY: usize = 1024 * 1024;

const CONDITION_FAILED: &str = "ConditionalCheckFailedException";
const CONFLICTS: [&str; 2] = ["TransactionConflictException", "ReplicatedWriteConflictException"];
const THROTTLED: [&str; 4] =
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "Throttling"];

/// A clear outcome.
#[derive(Debug)]
pub(super) enum Response {
    Written(Option<Box<KeyRecord>>),
    ConditionFailed(Option<Box<KeyRecord>>),
}

/// The reason why an attempt has no clear outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    NoCredentials,
    NoResponse,
    TimedOut,
    Throttled,
    /// Another write holds the item.
    Conflict,
    /// A response of another kind.
    OtherError,
    /// The response is too long, does not match its checksum, or is no JSON of its kind.
    InvalidResponse,
}

impl Undecided {
    /// The random time until the next attempt.
    pub(super) fn wait(self) -> Duration {
        match self {
            Self::Conflict => conflict::wait(),
            Self::Throttled => WAIT_IF_THROTTLED.mul_f64(fastrand::f64()),
            _ => WAIT.mul_f64(fastrand::f64()),
        }
    }

    /// The reason, for the log.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoCredentials => "no credentials",
            Self::NoResponse => "no response",
            Self::TimedOut => "timed out",
            Self::Throttled => "throttled",
            Self::Conflict => "write conflict",
            Self::OtherError => "error response",
            Self::InvalidResponse => "invalid response",
        }
    }
}

/// The parts of a body that matter, of a success or of an error.
#[derive(Deserialize)]
struct Body<'a> {
    /// The type of an error.
    #[serde(rename = "__type", borrow)]
    kind: Option<&'a str>,
    /// The item after a write.
    #[serde(rename = "Attributes")]
    after: Option<Typed<KeyRecord>>,
    /// The item that does not meet the condition.
    #[serde(rename = "Item")]
    unchanged: Option<Typed<KeyRecord>>,
}

impl Response {
    /// Reads the result of sending a request.
    pub(super) fn receive(result: Result<HttpResponse, ConnectorError>) -> Result<Self, Undecided> {
        let response = result.map_err(|_| Undecided::NoResponse)?;
        let body = response.body().bytes().filter(|body| body.len() <= MAX_BODY);
        let body = body.ok_or(Undecided::InvalidResponse)?;
        Self::read(response.status().as_u16(), response.headers().get(CRC32), body)
    }

    /// Reads a response with this status, checksum and body.
    fn read(status: u16, checksum: Option<&str>, body: &[u8]) -> Result<Self, Undecided> {
        if checksum.is_some_and(|checksum| checksum.parse() != Ok(crc32fast::hash(body))) {
            return Err(Undecided::InvalidResponse);
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Undecided::InvalidResponse)?;
        match (status, body.kind.and_then(|kind| kind.rsplit('#').next())) {
            (200, None) => Ok(Self::Written(body.after.map(boxed))),
            (400, Some(CONDITION_FAILED)) => Ok(Self::ConditionFailed(body.unchanged.map(boxed))),
            (400, Some(kind)) if CONFLICTS.contains(&kind) => Err(Undecided::Conflict),
            (400, Some(kind)) if THROTTLED.contains(&kind) => Err(Undecided::Throttled),
            _ => Err(Undecided::OtherError),
        }
    }
}

fn boxed(key: Typed<KeyRecord>) -> Box<KeyRecord> {
    Box::new(key.0)
}

#[cfg(test)]
mod tests;
