//! The errors of a harness.

use std::{io, path::PathBuf};

use http::StatusCode;
use keysync_browser_guard::InvalidHost;

use crate::{
    Response,
    dynamodb::{DecidedByClosure, DynamoError},
    iam::IamError,
    lambda::{FunctionError, InvocationFailed},
};
use keysync_kms_emulator::ApiError;

/// An error of the harness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// DynamoDB could not be started.
    #[error("DynamoDB: {0}")]
    Dynamo(#[from] DynamoError),
    /// The function could not be started.
    #[error("function: {0}")]
    Function(#[from] FunctionError),
    /// A run of `redeliver` failed.
    #[error("redeliver: {0}")]
    Redeliver(#[from] InvocationFailed),
    /// IAM could not be started.
    #[error("IAM: {0}")]
    Iam(#[from] IamError),
    /// An item could not be read or written.
    #[error("table: {0}")]
    Table(String),
    /// The harness's stored state in the table is invalid.
    #[error("the harness's state in the table is invalid: {0}")]
    World(String),
    /// A host name to allow is invalid.
    #[error("{0}")]
    Host(#[from] InvalidHost),
    /// A server could not be started.
    #[error("cannot start a server: {0}; if the port is in use, `--port 0` chooses a free one")]
    Server(#[from] io::Error),
    /// A call failed without a response.
    #[error("call failed: {0}")]
    Call(#[from] reqwest::Error),
    /// A call had an unexpected response.
    #[error("{operation}: {status} {code} {message}")]
    Unexpected {
        /// The operation.
        operation: &'static str,
        /// The response's status.
        status: StatusCode,
        /// The response's reason code.
        code: String,
        /// The response's message.
        message: String,
    },
    /// The file for the function's environment could not be written.
    #[error("cannot write {}: {error}", path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The demo could not be written to standard output.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// A key was created, and one of its registrations failed.
    #[error("key {key} was created, but not all of its registrations: {error}")]
    Incomplete {
        /// The key's id.
        key: String,
        /// The reason.
        error: Box<HarnessError>,
    },
    /// Steps of the demo had another result than expected.
    #[error("demo failed: {} of its checks did not hold: {}", .0.len(), .0.join("; "))]
    Demo(Vec<String>),
    /// There is no such service.
    #[error("no service `{0}`: add it with `service`, `service_at` or `mock` of the builder")]
    NoService(String),
    /// The state cannot be saved in a snapshot.
    #[error("the state cannot be saved: {0}")]
    NotStorable(#[from] DecidedByClosure),
    /// A snapshot is invalid.
    #[error(
        "the snapshot cannot be restored: {0}; `harness snapshots export` or `Harness::snapshot` creates one"
    )]
    Snapshot(String),
    /// A run cannot be recorded or replayed.
    #[error("the run cannot be recorded or replayed: {0}")]
    Recording(String),
    /// An error of the key-management endpoint.
    #[error("endpoint: {0}")]
    Endpoint(String),
}

impl HarnessError {
    pub(crate) fn table(error: impl std::error::Error) -> Self {
        Self::Table(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn world(error: impl ToString) -> Self {
        Self::World(error.to_string())
    }

    /// A resource that cannot be registered, as the endpoint would reject it.
    pub(crate) fn unregistrable(status: StatusCode, code: &str, message: String) -> Self {
        Self::Unexpected { operation: "registering a resource", status, code: code.to_owned(), message }
    }

    pub(crate) fn unexpected(operation: &'static str, response: &Response) -> Self {
        let (code, message) = (response.code().to_owned(), response.message().to_owned());
        Self::Unexpected { operation, status: response.status, code, message }
    }
}

impl From<ApiError> for HarnessError {
    fn from(error: ApiError) -> Self {
        Self::Endpoint(error.to_string())
    }
}
