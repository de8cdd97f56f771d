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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{error::ErrorMetadata, operation::update_item::UpdateItemError};
    use aws_smithy_runtime_api::{
        client::{orchestrator::HttpResponse, result::ConnectorError},
        http::StatusCode,
    };
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16, code: &str) -> LedgerError {
        let error = UpdateItemError::generic(ErrorMetadata::builder().code(code).message("m").build());
        let status = StatusCode::try_from(status).unwrap();
        SdkError::service_error(error, HttpResponse::new(status, SdkBody::empty())).into()
    }

    #[test]
    fn error_code_selects_the_variant() {
        assert_eq!(response(400, "ThrottlingException"), LedgerError::Throttled);
        for (status, code) in [(400, "TransactionConflictException"), (500, "InternalServerError")] {
            assert_eq!(response(status, code), LedgerError::Unavailable(format!("{code}: m")));
        }
        assert_eq!(
            response(400, "ValidationException"),
            LedgerError::Defect("ValidationException: m".to_owned())
        );
    }

    #[test]
    fn failure_without_response_names_its_cause() {
        let text = |error: SdkError<UpdateItemError>| LedgerError::from(error).to_string();
        let unavailable = |cause: &str| format!("DynamoDB is not available: {cause}");
        assert_eq!(text(SdkError::timeout_error("slow")), unavailable("timed out"));
        let refused = ConnectorError::io("connection refused".into());
        assert!(text(SdkError::dispatch_failure(refused)).starts_with(&unavailable("no response: ")));
        assert_eq!(
            text(SdkError::construction_failure("no region")),
            unavailable("the request could not be built")
        );
    }
}
