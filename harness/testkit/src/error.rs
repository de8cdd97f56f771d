//! What can go wrong with a harness.

use std::{io, path::PathBuf};

use keysync_browser_guard::BadHost;

use crate::{Response, dynamodb::DynamoError, iam::IamError, lambda::FunctionError};
use keysync_kms_emulator::ApiError;

/// The harness could not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// The engine could not be started.
    #[error("DynamoDB: {0}")]
    Dynamo(#[from] DynamoError),
    /// The function could not be started.
    #[error("the function: {0}")]
    Function(#[from] FunctionError),
    /// IAM could not be started.
    #[error("IAM: {0}")]
    Iam(#[from] IamError),
    /// An item could not be read or written.
    #[error("the table: {0}")]
    Table(String),
    /// What the table says of this harness cannot be used.
    #[error("the harness's own item in the table: {0}")]
    World(String),
    /// What was to be allowed as a host is no host name.
    #[error("{0}")]
    Host(#[from] BadHost),
    /// A server could not be started.
    #[error("a server: {0}; is the port taken? `--port 0` takes a free one")]
    Server(#[from] io::Error),
    /// A call that should have been answered was not.
    #[error("a call: {0}")]
    Call(#[from] reqwest::Error),
    /// A call was answered otherwise than it should have been.
    #[error("{what}: {status} {code} {message}")]
    Unexpected {
        /// What was being done.
        what: &'static str,
        /// The answer's status.
        status: http::StatusCode,
        /// Its reason code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The file for the function's environment could not be written.
    #[error("cannot write {}: {error}", path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The story could not be written to standard output.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// A key was made, and then something was out of order.
    #[error("key {key} was made, but not all that belongs to it: {error}")]
    Incomplete {
        /// The key's id.
        key: String,
        /// Why not.
        error: Box<HarnessError>,
    },
    /// Steps of the demo had another result than expected.
    #[error("demo failed: {} of its checks did not hold: {}", .0.len(), .0.join("; "))]
    Demo(Vec<String>),
    /// There is no such service.
    #[error("no service `{0}` is emulated here: the builder's `service`, `service_at` and `mock` add some")]
    NoService(String),
    /// The endpoint could not do its part.
    #[error("the endpoint: {0}")]
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

    pub(crate) fn unexpected(what: &'static str, answer: &Response) -> Self {
        let (code, message) = (answer.code().to_owned(), answer.message().to_owned());
        Self::Unexpected { what, status: answer.status, code, message }
    }
}

impl From<ApiError> for HarnessError {
    fn from(error: ApiError) -> Self {
        Self::Endpoint(error.to_string())
    }
}
