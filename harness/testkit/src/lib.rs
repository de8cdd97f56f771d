//! keysync with emulators of every system that it calls, in one process: DynamoDB, IAM, the
//! key-management endpoint, associated services and Lambda. No Docker, no JVM, no cloud account.
//!
//! # A first test
//!
//! ```
//! use keysync_testkit::{Harness, KeyState};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_testkit::HarnessError> {
//! let harness = Harness::start().await?;
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
//! A failed assertion prints what was expected, the response, and the last requests ([`journal`]).
//!
//! # Expect callbacks
//!
//! An expectation covers the callbacks from now until it is dropped. If it is not met then, it
//! fails the test, unless the test has already failed.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_testkit::HarnessError> {
//! # let harness = keysync_testkit::Harness::start().await?;
//! # let key = harness.new_key("invoices");
//! # let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
//! let once = harness.object_storage().expect_callbacks(&key, 1);
//! key.sync().await?.assert_status(204);
//! drop(once); // verified here; at the end of its scope otherwise
//! # Ok(())
//! # }
//! ```
//!
//! # Let parts fail
//!
//! Faults can be injected into services ([`services::Behaviour`]), IAM ([`iam::Iam`]), DynamoDB
//! ([`dynamodb::Fault`]) and events ([`events`]), and the clock can be advanced
//! ([`Harness::advance_clock`]).
//!
//! ```
//! use std::time::Duration;
//! use keysync_testkit::{DeliveryStatus, Harness, dynamodb::{Fault, Times}, services::Behaviour};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let harness = Harness::start().await?;
//! let key = harness.new_key("invoices");
//! let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
//!
//! harness.object_storage().behave_next(1, Behaviour::respond(503));
//! key.sync().await?.assert_status(204); // accepted, and retried
//! assert_eq!(key.notifications().await?[0].status, DeliveryStatus::Retrying);
//!
//! harness.advance_clock(Duration::from_mins(2)).await?;
//! assert_eq!(harness.redeliver().await?.delivered, 1);
//!
//! harness.dynamodb().proxy().inject(Fault::Fail, Times::Always);
//! key.sync().await?.assert_error(503, "SERVICE_UNAVAILABLE_ERR");
//! # Ok(())
//! # }
//! ```
//!
//! # Test your client or your service
//!
//! Give your client [`Harness::endpoint_url`], [`Harness::iam_url`], [`Harness::instance`] and
//! [`Harness::api_key`]. [`HarnessBuilder::service_at`] sends the callbacks of a service to yours.
//!
//! # Wait
//!
//! The callbacks of a sync precede its response, so that most tests need no wait. These wait:
//!
//! | for | method |
//! | --- | --- |
//! | expected callbacks, such as those of a redelivery | [`CallbackExpectation::wait_until_satisfied`](services::CallbackExpectation::wait_until_satisfied) |
//! | callbacks of any key | [`AssociatedService::wait_for`](services::AssociatedService::wait_for) |
//! | a lifecycle event that was published | [`Delivery::processed`](events::Delivery::processed) |
//! | events that `lifecycle` cannot process | [`Queue::wait_for_failures`](events::Queue::wait_for_failures), [`DeadLetterQueue::wait_for`](events::DeadLetterQueue::wait_for) |
//! | a call to DynamoDB that a fault holds | [`Proxy::wait_until_held`](dynamodb::Proxy::wait_until_held) |
//! | calls to DynamoDB in progress | [`Proxy::wait_until_quiet`](dynamodb::Proxy::wait_until_quiet) |
//! | a line in the log of a binary | [`ProcessFunction::wait_for_log`](lambda::ProcessFunction::wait_for_log) |
//! | the end of a binary | [`ProcessFunction::kill`](lambda::ProcessFunction::kill), [`ProcessFunction::end`](lambda::ProcessFunction::end) |
//!
//! Each has the same timeout, 30 s of real time unless [`HarnessBuilder::wait_timeout`] sets
//! another, and panics after it with what it waited for, what was found, and the last requests.
//!
//! # Choose how the functions run
//!
//! By default the functions run in this process, on a clock that a test can stop
//! ([`HarnessBuilder::clock`]). [`HarnessBuilder::binaries`] runs their real binaries behind an
//! emulated Lambda: processes that can be killed. The harness never builds anything: if a binary is
//! missing, the error names the command that builds it.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod builder;
mod client;
#[cfg(feature = "control-api")]
mod control;
#[cfg(feature = "control-api")]
mod documentation;
mod env_file;
mod environment;
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
#[cfg(feature = "control-api")]
pub use documentation::control_api_document;
#[doc(hidden)]
pub use env_file::write_private;
pub use environment::Environment;
pub use error::HarnessError;
pub use harness::Harness;
pub use httpmock;
#[doc(hidden)]
pub use info::VERSION_HEADER;
pub use info::{Info, SampleKeys};
pub use key::{DeliveryStatus, Key, NotificationStatus};
pub use keysync::{
    domain::{EpochMillis, InstanceId, KeyState, KeyType, LifecycleAction, ResourceCrn},
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
pub use parts::{Recording, Replay, Replayed, Snapshot};
pub use response::Response;
