//! What a request costs, how that grows, and how little it could be: `harness bench`.
//!
//! The function is the binary as it is deployed, in a process of its own behind the emulated Lambda Runtime API. A
//! request is measured from the moment at which its event is there to be polled until the function has posted its
//! answer, which is what Lambda bills. Beside it, in the same run:
//!
//! - **the wire floor** (`floor`): a bare loop that makes the same two `DynamoDB` calls and the same callback;
//! - **hello**: a function that does nothing, for what Lambda's protocol takes and what a start takes.
//!
//! The engine, IAM, the service and whoever makes the requests share the machine with the function. So no number says
//! anything about Lambda or `DynamoDB`; the ratios do, and so do calls, bytes and processor time for a request.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod binaries;
mod chart;
mod costs;
mod floor;
mod growth;
mod instructions;
mod keys;
mod limits;
mod load;
mod mix;
mod progress;
mod report;
mod requests;
mod stage;
mod table;
mod usage;

use std::{io, path::PathBuf};

use tokio::task::JoinError;

pub use chart::Chart;
pub use floor::{COMMAND as WIRE_FLOOR, wire_floor};
pub use growth::{Growth, GrowthOptions, growth};
pub use limits::{Checked, check};
pub use report::Report;
pub use requests::{Options, requests};

use keysync_testkit::HarnessError;

/// Nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The harness could not do its part.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// An item could not be written or read.
    #[error("the table: {0}")]
    Table(String),
    /// A key that a request is about has an invalid name or CRN.
    #[error("invalid key to measure with: {0}")]
    Key(String),
    /// Cargo could not be run.
    #[error("cannot build what is to be measured: {0}")]
    Build(io::Error),
    /// Cargo ended without the binary; it has said why.
    #[error("`{0}` could not be built; see above")]
    NotBuilt(&'static str),
    /// It is not where this executable is.
    #[error(
        "no binary `{name}` at {}; build it: cargo build --release --package keysync --package keysync-hello",
        path.display()
    )]
    NoBinary {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The function failed or ended.
    #[error("the function failed")]
    Failed,
    /// The function answered otherwise than it should have.
    #[error("expected {expected}, got {got}")]
    Answer {
        /// The status that the request should have had.
        expected: u16,
        /// The answer.
        got: String,
    },
    /// The loop for the wire floor failed.
    #[error("the wire floor: {0}")]
    Floor(io::Error),
    /// valgrind could not be run.
    #[error(
        "instructions are counted by valgrind, which cannot be run: {0}; install it, such as Debian's valgrind"
    )]
    NoValgrind(io::Error),
    /// The function could not be ended.
    #[error("callgrind could not be told to end: {0}")]
    Callgrind(io::Error),
    /// callgrind has told no number.
    #[error("callgrind told no number of instructions; its last line: {0}")]
    NotCounted(String),
    /// What must not be exceeded cannot be read.
    #[error("{}: {reason}", path.display())]
    Limits {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A call of a sync was not among those recorded.
    #[error("no `{0}` among the calls of a sync")]
    NotRecorded(&'static str),
    /// A number that a histogram does not take.
    #[error("a histogram: {0}")]
    Histogram(String),
    /// A chart could not be drawn.
    #[error("the chart: {0}")]
    Chart(String),
    /// Whoever made requests panicked.
    #[error("a caller panicked: {0}")]
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
