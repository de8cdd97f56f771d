//! What can go wrong between here and DynamoDB.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A call to DynamoDB did not do what it should. The texts are for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB has no capacity for this now.
    #[error("DynamoDB throttles")]
    Throttled,
    /// No answer, or an answer that says that it is its own fault.
    #[error("DynamoDB is not available: {0}")]
    Unavailable(String),
    /// It will be the same next time: a wrong request, an unreadable item, a missing permission.
    #[error("defect: {0}")]
    Defect(String),
}

impl<E: ProvideErrorMetadata> From<SdkError<E>> for LedgerError {
    fn from(error: SdkError<E>) -> Self {
        let SdkError::ServiceError(answer) = &error else {
            return Self::Unavailable(describe(&error));
        };
        let code = answer.err().code().unwrap_or("an error without a code");
        let message = answer.err().message().unwrap_or("no message");
        match code {
            "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "Throttling" => Self::Throttled,
            // Of other writes to the same item, which had not passed by the last attempt (`conflict.rs`).
            "TransactionConflictException"
            | "ReplicatedWriteConflictException"
            | "TransactionInProgressException" => Self::Unavailable(format!("{code}: {message}")),
            _ if answer.raw().status().is_server_error() => Self::Unavailable(format!("{code}: {message}")),
            _ => Self::Defect(format!("{code}: {message}")),
        }
    }
}

fn describe<E>(error: &SdkError<E>) -> String {
    match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error().map(ToString::to_string);
            format!("no answer: {}", cause.unwrap_or_default())
        }
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        _ => "an answer that cannot be read".to_owned(),
    }
}
