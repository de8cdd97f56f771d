//! Tests of what the functions are tested against: the emulated KMS endpoint and IAM, the console,
//! the control API, and the harness as a library.
//!
//! Tests of the functions are the target `e2e`.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "../shared/engine.rs"]
mod engine;
mod visitor;
#[path = "../shared/world.rs"]
mod world;

mod console;
mod control_api;
mod harness;
mod iam;
mod kms;
