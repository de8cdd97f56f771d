//! `harness bench`: latency and cost of requests, how they scale, and lower bounds.
//!
//! The function is the release binary in a separate process behind the emulated Lambda Runtime API.
//! A request is measured from the moment at which its event can be polled until the function has
//! posted its response, which is the duration that Lambda bills. The same run measures two
//! baselines:
//!
//! - **the wire floor** (`floor`): a loop that makes the same two `DynamoDB` calls and the same
//!   callback;
//! - **hello**: a function that does nothing, for the overhead of Lambda's protocol and of a cold
//!   start.
//!
//! The engine, IAM, the service and the clients share the machine with the function. Absolute times
//! therefore do not apply to Lambda or `DynamoDB`; ratios, calls, bytes and CPU time per request
//! do.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod binaries;
mod chart;
mod costs;
mod counts;
mod floor;
mod growth;
mod immediate;
mod keys;
mod limits;
mod load;
mod mix;
mod peers;
mod progress;
mod report;
mod requests;
mod scale;
mod stage;
mod table;
mod usage;
mod workers;

use std::{io, path::PathBuf};

use tokio::task::JoinError;

pub use chart::Chart;
pub use floor::{COMMAND as WIRE_FLOOR, wire_floor};
pub use growth::{Growth, GrowthOptions, growth};
pub use limits::{Checked, check};
pub use peers::Peer;
pub use report::Report;
pub use requests::{Options, requests};
pub use scale::{Options as ScaleOptions, Scale, scale};

use keysync_testkit::HarnessError;

/// Failure of a measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The harness failed.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// An item could not be written or read.
    #[error("cannot access the table: {0}")]
    Table(String),
    /// A key that a request is about has an invalid name or CRN.
    #[error("invalid benchmark key: {0}")]
    Key(String),
    /// Cargo could not be run.
    #[error("cannot build the measured binaries: {0}")]
    Build(io::Error),
    /// Cargo failed to build the binary; its errors are on standard error.
    #[error("`{0}` could not be built; see above")]
    NotBuilt(&'static str),
    /// The binary is not next to this executable.
    #[error(
        "no binary `{name}` at {}; build it: cargo build --release --package keysync-functions --package keysync-hello",
        path.display()
    )]
    NoBinary {
        /// Name of the binary.
        name: &'static str,
        /// Expected path.
        path: PathBuf,
    },
    /// The function failed or exited.
    #[error("the function failed or exited")]
    Failed,
    /// The function responded with an unexpected status.
    #[error("expected status {expected}, got {got}")]
    Status {
        /// The expected status.
        expected: u16,
        /// The response.
        got: String,
    },
    /// A function did not do the work that it was to do.
    #[error("expected {expected} of a function's result, got {got}")]
    Work {
        /// The expected part of the result.
        expected: String,
        /// What it was.
        got: String,
    },
    /// The loop for the wire floor failed.
    #[error("wire floor: {0}")]
    Floor(io::Error),
    /// valgrind could not be run.
    #[error(
        "cannot run valgrind, which counts instructions and allocations: {0}; install it, such as Debian's package valgrind"
    )]
    NoValgrind(io::Error),
    /// The function could not be stopped.
    #[error("cannot stop valgrind: {0}")]
    Valgrind(io::Error),
    /// valgrind reported no count.
    #[error("valgrind reported no count; its last line: {0}")]
    NotCounted(String),
    /// The file of limits is missing or invalid.
    #[error("{}: {reason}", path.display())]
    Limits {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
    /// A call of a sync was not among those recorded.
    #[error("no `{0}` among the recorded calls of a sync")]
    NotRecorded(&'static str),
    /// A histogram rejected a value.
    #[error("histogram: {0}")]
    Histogram(String),
    /// A chart could not be drawn.
    #[error("cannot draw the chart: {0}")]
    Chart(String),
    /// A task that makes requests panicked.
    #[error("a client task panicked: {0}")]
    Panicked(JoinError),
}

impl BenchError {
    fn table(error: impl std::error::Error) -> Self {
        Self::Table(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn key(error: impl ToString) -> Self {
        Self::Key(error.to_string())
    }
}

impl From<hdrhistogram::CreationError> for BenchError {
    fn from(error: hdrhistogram::CreationError) -> Self {
        Self::Histogram(error.to_string())
    }
}

impl From<hdrhistogram::RecordError> for BenchError {
    fn from(error: hdrhistogram::RecordError) -> Self {
        Self::Histogram(error.to_string())
    }
}

impl From<hdrhistogram::AdditionError> for BenchError {
    fn from(error: hdrhistogram::AdditionError) -> Self {
        Self::Histogram(error.to_string())
    }
}
