//! Properties that hold for all inputs, one function for each kind of input.
//!
//! Each function takes bytes and panics if the property is violated. `cargo task fuzz` searches for
//! such bytes with libFuzzer; `cargo test` generates some thousands at random
//! (`tests/properties.rs`). Both start from the inputs in `seeds/`, which has one folder for each
//! function.

#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "every function panics to report a violated property")]

mod requests;
mod stored;
mod tokens;

pub use requests::{event, headers, path};
pub use stored::{item, lifecycle_event};
pub use tokens::token;
