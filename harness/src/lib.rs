//! Everything around keysync, on one machine and in one process: DynamoDB, IAM, the key-management
//! endpoint, associated services, and Lambda itself. No Docker, no JVM, no cloud account.
//!
//! ```
//! use keysync_harness::{Harness, KeyState};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_harness::HarnessError> {
//! let harness = Harness::builder().start().await?;
//! let key = harness.new_key("invoices").protecting("cloud-object-storage", "bucket").create().await?;
//!
//! key.sync().await?.assert_status(204);
//!
//! harness.object_storage().assert_callbacks(&key, 1);
//! harness.object_storage().assert_told(&key, KeyState::Active);
//! # Ok(())
//! # }
//! ```
//!
//! Each harness is on its own: own ports, own table, own keys. Dropping it ends all of it. Where the speed
//! or the clock matters more than the real binary, `Harness::builder().function(Mode::InProcess)`.
//!
//! An assertion that does not hold says what was expected, what came, and what the harness was asked
//! before ([`journal`]). What can go wrong on purpose: services ([`services::Behaviour`]), IAM
//! ([`iam::Iam`]), DynamoDB ([`dynamo::Fault`]), the events ([`events`]), and time ([`Harness::travel`]).

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod answer;
#[doc(hidden)]
pub mod bench;
mod builder;
mod client;
mod clock;
mod control;
pub mod demo;
pub mod dynamo;
mod endpoint;
mod env_file;
mod error;
pub mod events;
mod expect;
pub mod function;
mod harness;
pub mod iam;
mod info;
pub mod journal;
mod key;
mod leaks;
pub mod limits;
mod new_key;
mod parts;
#[doc(hidden)]
pub mod path;
mod schedule;
pub mod secrets;
mod server;
pub mod services;
mod start;
mod travel;
mod world;

#[cfg(test)]
mod documented;

pub use answer::Answer;
pub use builder::HarnessBuilder;
pub use client::Client;
pub use clock::HarnessClock;
pub use error::HarnessError;
pub use harness::Harness;
pub use httpmock;
pub use info::Info;
#[doc(hidden)]
pub use info::VERSION_HEADER;
pub use key::{Key, Standing};
pub use keysync::domain::{EpochMillis, KeyState};
pub use new_key::NewKey;

/// The code in the documentation for test authors, run with this crate's own.
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/test-with-the-harness.md")]
struct Testing;
