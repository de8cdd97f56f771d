//! Tests of the test environment: the emulated KMS endpoint and IAM, the console, the control API,
//! and the harness as a library. The package `keysync-tests` tests the functions.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "../../tests/shared/binaries.rs"]
mod binaries;
#[path = "../../tests/shared/engine.rs"]
mod engine;
mod visitor;
#[path = "../../tests/shared/world.rs"]
mod world;

mod console;
mod control_api;
mod harness;
mod iam;
mod kms;
mod recordings;
mod requests;
mod snapshots;
