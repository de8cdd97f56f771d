//! keysync with emulators of every system that it calls, in one process: DynamoDB, IAM, the
//! key-management endpoint, associated services and Lambda. No Docker, no JVM, no cloud account.
//!
//! ```
//! use keysync_testkit::{Harness, KeyState};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_testkit::HarnessError> {
//! let harness = Harness::builder().start().await?;
//! let key = harness.new_key("invoices");
//! let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
//!
//! key.sync().await?.assert_status(204);
//!
//! harness.object_storage().assert_callbacks(&key, 1);
//! harness.object_storage().assert_last_state(&key, KeyState::Active);
//! # Ok(())
//! # }
//! ```
//!
//! Each harness has separate ports, a separate table and separate keys. Dropping it ends all of it.
//! For tests that need speed or a settable clock more than the binary, use
//! `Harness::builder().mode(Mode::InProcess)`.
//!
//! A failed assertion prints what was expected, the response, and the last requests ([`journal`]).
//! Faults can be injected into services ([`services::Behaviour`]), IAM ([`iam::Iam`]), DynamoDB
//! ([`dynamodb::Fault`]) and events ([`events`]), and the clock can be advanced
//! ([`Harness::advance_clock`]).

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod builder;
mod client;
#[cfg(feature = "control-api")]
mod control;
mod env_file;
mod error;
mod harness;
mod info;
mod key;
mod new_key;
mod parts;
mod response;
pub mod secrets;
mod start;
mod time;
mod world;

pub use builder::HarnessBuilder;
pub use client::Client;
pub use error::HarnessError;
pub use harness::Harness;
pub use httpmock;
#[doc(hidden)]
pub use info::VERSION_HEADER;
pub use info::{Info, SampleKeys};
pub use key::{DeliveryStatus, Key, NotificationStatus};
pub use keysync::{
    domain::{EpochMillis, KeyState},
    usecases::redeliver::Summary as RedeliverSummary,
};
pub use keysync_dynamodb_emulator as dynamodb;
#[doc(hidden)]
pub use keysync_emulator_support::path;
pub use keysync_emulator_support::{clock::HarnessClock, journal, limits};
pub use keysync_iam_emulator as iam;
pub use keysync_lambda_emulator as lambda;
pub use keysync_lambda_emulator::events;
pub use keysync_service_emulator as services;
pub use new_key::NewKey;
pub use response::Response;
