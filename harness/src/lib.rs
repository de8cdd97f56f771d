//! The harness.

pub mod server;
