//! Backfill: a deployment learns of keys from events, so it does not know those that were there
//! before it. `import` reads them from the key-management API, and `verify` compares both.

mod args;
mod difference;
mod digest;
mod facts;
mod import;
mod import_state;
mod verify;

pub(crate) use args::{ImportArgs, VerifyArgs};
pub(crate) use import::run as import;
pub(crate) use verify::run as verify;
