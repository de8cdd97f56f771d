//! The shared base of the harness's emulators.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod assertion;
pub mod aws;
pub mod clock;
pub mod context;
pub mod headers;
pub mod journal;
pub mod limits;
pub mod path;
mod reason;
pub mod secret_scanner;
pub mod server;

pub use reason::reason;
