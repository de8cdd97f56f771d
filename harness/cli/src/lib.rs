//! The story that the command `harness demo` tells.

#![forbid(unsafe_code)]

pub mod demo;
