//! Everything around keysync, on one machine and in one process: DynamoDB, IAM, the key-management
//! endpoint, associated services, and Lambda itself. No Docker, no JVM, no cloud account.
//!
//! ```no_run
//! use keysync_harness::{Client, Harness};
//!
//! # async fn example() -> Result<(), keysync_harness::HarnessError> {
//! let mut harness = Harness::builder().start().await?;
//! let (root_key, _) = harness.sample_keys().await?;
//! let manager = Client::log_in(&harness, harness.api_key()).await?;
//!
//! let answer = manager.sync(&root_key).await?;
//!
//! assert_eq!(answer.status, 204);
//! assert_eq!(harness.object_storage().received().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Each harness is on its own: own ports, own table, own keys. Dropping it ends all of it.

mod builder;
pub mod client;
pub mod clock;
mod control;
pub mod demo;
pub mod dynamo;
pub mod endpoint;
mod env_file;
mod error;
pub mod events;
pub mod function;
mod harness;
pub mod iam;
pub mod samples;
mod schedule;
pub mod server;
pub mod services;
mod travel;
pub mod up;
mod world;

pub use builder::HarnessBuilder;
pub use client::{Answer, Client};
pub use clock::HarnessClock;
pub use error::HarnessError;
pub use harness::Harness;
