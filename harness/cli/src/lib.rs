//! The demo of the command `harness`, for use in tests.

#![forbid(unsafe_code)]

pub mod demo;
