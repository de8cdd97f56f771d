//! Errors of calls to DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A failed operation on the ledger. The texts are for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB throttled the request.
    #[error("DynamoDB throttled the request")]
    Throttled,
    /// DynamoDB did not respond, or responded with a temporary error.
    #[error("DynamoDB is not available: {0}")]
    Unavailable(String),
    /// A permanent error: an invalid request, an invalid item, or a missing permission. Retrying
    /// does not help.
    #[error("defect: {0}")]
    Defect(String),
}

impl<E: ProvideErrorMetadata> From<SdkError<E>> for LedgerError {
    fn from(error: SdkError<E>) -> Self {
        let SdkError::ServiceError(response) = &error else {
            return Self::Unavailable(describe(&error));
        };
        let code = response.err().code().unwrap_or("an error without a code");
        let message = response.err().message().unwrap_or("no message");
        match code {
            "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "Throttling" => Self::Throttled,
            // A conflict with another write to the same item that outlasted all attempts
            // (`conflict.rs`).
            "TransactionConflictException"
            | "ReplicatedWriteConflictException"
            | "TransactionInProgressException" => Self::Unavailable(format!("{code}: {message}")),
            _ if response.raw().status().is_server_error() => Self::Unavailable(format!("{code}: {message}")),
            _ => Self::Defect(format!("{code}: {message}")),
        }
    }
}

fn describe<E>(error: &SdkError<E>) -> String {
    match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(cause) => format!("no response: {cause}"),
            None => "no response".to_owned(),
        },
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        _ => "the response is invalid".to_owned(),
    }
}
