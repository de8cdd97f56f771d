//! What goes wrong with the functions' calls to DynamoDB.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Running, request::Body};
use crate::{
    dynamodb::{Fault, Times},
    limits,
};

#[derive(Deserialize, ToSchema)]
pub(super) struct FaultRequest {
    /// Whose calls.
    #[serde(default)]
    function: FunctionName,
    fault: FaultName,
    /// How many calls; until it is healed, where it is not given.
    #[serde(default, deserialize_with = "limits::times")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    times: Option<usize>,
    /// Only calls of this operation.
    #[schema(example = "UpdateItem")]
    operation: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum FunctionName {
    #[default]
    Sync,
    Lifecycle,
    Redeliver,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum FaultName {
    /// Applied, and the connection is cut before the answer.
    #[serde(rename = "lose-answer")]
    LoseResponse,
    /// The connection is cut before it reaches the engine.
    Cut,
    /// It goes through, this much later.
    Delay {
        /// How much.
        #[serde(deserialize_with = "limits::millis")]
        #[schema(minimum = 0, maximum = 3_600_000)]
        millis: u64,
    },
    /// `ProvisionedThroughputExceededException`.
    Throttle,
    /// `TransactionConflictException`, or `TransactionCanceledException` where it is a transaction itself.
    Conflict,
    /// 500, and not applied.
    Fail,
    /// 500, and applied.
    FailAfter,
    /// The connection is cut, and it is applied this much later.
    ApplyLate {
        /// How much.
        #[serde(deserialize_with = "limits::millis")]
        #[schema(minimum = 0, maximum = 3_600_000)]
        millis: u64,
    },
}

/// Makes a function's calls to DynamoDB fail.
#[utoipa::path(
    post, operation_id = "inject_dynamodb_fault", path = "/_harness/dynamodb/faults", tag = "faults", request_body = FaultRequest,
    responses((status = 204, description = "Done"))
)]
pub(super) async fn inject(Running(parts): Running, Body(wanted): Body<FaultRequest>) -> StatusCode {
    let proxy = match wanted.function {
        FunctionName::Sync => parts.dynamo.proxy(),
        FunctionName::Lifecycle => parts.dynamo.lifecycle_proxy(),
        FunctionName::Redeliver => parts.dynamo.redeliver_proxy(),
    };
    let fault = match wanted.fault {
        FaultName::LoseResponse => Fault::LoseResponse,
        FaultName::Cut => Fault::Cut,
        FaultName::Delay { millis } => Fault::Delay(Duration::from_millis(millis)),
        FaultName::Throttle => Fault::Throttle,
        FaultName::Conflict => Fault::Conflict,
        FaultName::Fail => Fault::Fail,
        FaultName::FailAfter => Fault::FailAfter,
        FaultName::ApplyLate { millis } => Fault::ApplyLate(Duration::from_millis(millis)),
    };
    let times = wanted.times.map_or(Times::Always, Times::Next);
    match wanted.operation {
        Some(operation) => proxy.inject_on(&operation, fault, times),
        None => proxy.inject(fault, times),
    }
    StatusCode::NO_CONTENT
}

/// No call to DynamoDB fails from now on.
#[utoipa::path(delete, operation_id = "heal_dynamodb", path = "/_harness/dynamodb/faults", tag = "faults", responses((status = 204, description = "Done")))]
pub(super) async fn heal(Running(parts): Running) -> StatusCode {
    for proxy in parts.proxies() {
        proxy.clear_faults();
    }
    StatusCode::NO_CONTENT
}
