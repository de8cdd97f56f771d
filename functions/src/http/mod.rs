//! The edge: function-URL requests in, answers out. Pure; only this folder knows status codes.

mod event;
mod public_keys;
mod refusal;
mod request;
mod response;

pub use event::{Event, answer};
pub use public_keys::{PUBLIC_KEYS, public_keys};
pub use refusal::{Code, Refusal};
pub use request::{BadRequest, SyncRequest, correlation_id};
pub use response::{accepted, refused};
