//! Error responses of DynamoDB that engines cannot produce.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A cause for which DynamoDB rejects a call without applying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// `ProvisionedThroughputExceededException`.
    Throttled,
    /// The item is in an ongoing transaction: `TransactionConflictException`, or
    /// `TransactionCanceledException` for a transaction.
    Conflict,
    /// `ReplicatedWriteConflictException`: with multi-Region strong consistency, a write in another
    /// region changes the item at the same time.
    ReplicatedConflict,
    /// 500.
    Failed,
}

impl Rejection {
    /// The status and the body of the response to `request`.
    #[must_use]
    pub fn response(self, request: &[u8]) -> (StatusCode, String) {
        match self {
            Self::Throttled => error(
                StatusCode::BAD_REQUEST,
                "ProvisionedThroughputExceededException",
                "injected fault: throttled",
            ),
            Self::Conflict => conflict(request),
            Self::ReplicatedConflict => error(
                StatusCode::BAD_REQUEST,
                "ReplicatedWriteConflictException",
                "injected fault: another region writes the item",
            ),
            Self::Failed => {
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "injected fault: failed")
            }
        }
    }
}

fn conflict(request: &[u8]) -> (StatusCode, String) {
    let message = "injected fault: Transaction is ongoing for the item";
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let Some(items) = request["TransactItems"].as_array() else {
        return error(StatusCode::BAD_REQUEST, "TransactionConflictException", message);
    };
    // The conflict is on the last item.
    let mut reasons = vec![json!({"Code": "None"}); items.len()];
    if let Some(last) = reasons.last_mut() {
        *last = json!({"Code": "TransactionConflict", "Message": message});
    }
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", ")),
        "CancellationReasons": reasons,
    });
    (StatusCode::BAD_REQUEST, body.to_string())
}

fn error(status: StatusCode, kind: &str, message: &str) -> (StatusCode, String) {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message});
    (status, body.to_string())
}
