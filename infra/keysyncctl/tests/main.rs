//! Tests of the command `keysyncctl`: its real binary against the harness, and against an endpoint
//! that throttles and fails.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod backfill;
#[path = "../../../tests/shared/binaries.rs"]
mod binaries;
mod bulk_sync;
mod dead_letters;
mod interrupted_sync;
mod log_check;
mod recovery;
mod registry_check;
mod support;
mod synthetic_endpoint;
mod synthetic_table;
mod throttled_sync;
