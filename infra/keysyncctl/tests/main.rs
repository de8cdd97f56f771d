//! Tests of the command `keysyncctl`: its real binary against the harness, and against an endpoint
//! that throttles and fails.

mod bulk_sync;
mod interrupted_sync;
mod support;
mod throttled_sync;
