//! What must hold for any input, one function for each way that input comes in.
//!
//! Each takes bytes, and panics where something does not hold. `cargo task fuzz` looks for such bytes with libFuzzer;
//! `cargo test` tries some thousands at random (`tests/properties.rs`). Both start at `seeds/`, one folder for each.

#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a panic is how each says that something does not hold")]

mod requests;
mod stored;
mod tokens;

pub use requests::{event, headers, path};
pub use stored::{item, lifecycle_event};
pub use tokens::token;
