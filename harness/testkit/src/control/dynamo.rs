//! Faults of the functions' calls to DynamoDB.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Running, request::Body, response::Done};
use crate::{
    dynamodb::{Fault, Times},
    limits,
};

#[derive(Deserialize, ToSchema)]
pub(super) struct FaultRequest {
    /// The function whose calls fail.
    #[serde(default)]
    function: FunctionName,
    fault: FaultName,
    /// The number of calls; if missing, all calls until the faults are cleared.
    #[serde(default, deserialize_with = "limits::times")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    times: Option<usize>,
    /// The operation whose calls fail; if missing, all operations.
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

/// A [`Fault`], as the control API has it: durations are numbers, and faults that hold a call are
/// missing, because only Rust code can release it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum FaultName {
    /// The request is applied, and the connection is cut before the response.
    LoseResponse,
    /// The connection is cut before the request reaches the engine.
    Cut,
    /// The request is forwarded after a delay.
    Delay {
        /// The delay, in ms.
        #[serde(deserialize_with = "limits::millis")]
        #[schema(minimum = 0, maximum = 3_600_000)]
        millis: u64,
    },
    /// `ProvisionedThroughputExceededException`.
    Throttle,
    /// `TransactionConflictException`, or `TransactionCanceledException` for a transaction.
    Conflict,
    /// The response is 500, and the request is not applied.
    Fail,
    /// The response is 500, and the request is applied.
    FailAfter,
    /// The connection is cut, and the request is applied after a delay.
    ApplyLate {
        /// The delay, in ms.
        #[serde(deserialize_with = "limits::millis")]
        #[schema(minimum = 0, maximum = 3_600_000)]
        millis: u64,
    },
}

/// Injects a fault into a function's calls to DynamoDB.
#[utoipa::path(
    post, operation_id = "inject_dynamodb_fault", path = "/_harness/dynamodb/faults", tag = "faults", request_body = FaultRequest,
    responses(Done)
)]
pub(super) async fn inject(Running(parts): Running, Body(request): Body<FaultRequest>) -> Done {
    let proxy = match request.function {
        FunctionName::Sync => parts.dynamo.proxy(),
        FunctionName::Lifecycle => parts.dynamo.lifecycle_proxy(),
        FunctionName::Redeliver => parts.dynamo.redeliver_proxy(),
    };
    let fault = match request.fault {
        FaultName::LoseResponse => Fault::LoseResponse,
        FaultName::Cut => Fault::Cut,
        FaultName::Delay { millis } => Fault::Delay(Duration::from_millis(millis)),
        FaultName::Throttle => Fault::Throttle,
        FaultName::Conflict => Fault::Conflict,
        FaultName::Fail => Fault::Fail,
        FaultName::FailAfter => Fault::FailAfter,
        FaultName::ApplyLate { millis } => Fault::ApplyLate(Duration::from_millis(millis)),
    };
    let times = request.times.map_or(Times::Always, Times::Next);
    match request.operation {
        Some(operation) => proxy.inject_on(&operation, fault, times),
        None => proxy.inject(fault, times),
    }
    Done
}

/// Clears all DynamoDB faults.
#[utoipa::path(
    delete,
    operation_id = "clear_dynamodb_faults",
    path = "/_harness/dynamodb/faults",
    tag = "faults",
    responses(Done)
)]
pub(super) async fn clear(Running(parts): Running) -> Done {
    for proxy in parts.dynamo.proxies() {
        proxy.clear_faults();
    }
    Done
}
