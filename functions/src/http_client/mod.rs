//! HTTP clients: one for calls to receivers and IAM, one for calls to AWS. Both are hyper's
//! connection pool (`pool.rs`) with the same TLS configuration.
//!
//! They follow no redirects and ignore the environment's proxy settings. Every call has one timeout
//! for all of it, and bodies are read up to a limit.

pub mod aws;
mod client;
mod pool;
mod request;
mod resolver;
pub(crate) mod tls;

pub(crate) use client::read_up_to;
pub use client::{HttpClient, Response, SendError, Transport};
pub(crate) use pool::Pool;
pub use request::{InvalidRequest, Request};
pub(crate) use resolver::{Resolve, SystemResolver};
