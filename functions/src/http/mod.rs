//! The edge: function-URL requests in, answers out. Pure; only this folder knows status codes.

mod refusal;
mod request;
mod response;

pub use refusal::{Code, Refusal};
pub use request::{BadRequest, SyncRequest, correlation_id};
pub use response::{accepted, refused};
