//! Associated services: cloud services whose resources are protected by root keys.
//!
//! Object storage and databases stand here for all of them. Each knows of a key only what it was last
//! told, and opens or refuses its resources by that. Whether it hears a notification is up to its
//! [`Behaviour`]: the seed's story needs one that answers 2xx and yet does not act.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod assertions;
mod behaviour;
mod service;

pub use api::router;
pub use behaviour::Behaviour;
pub use service::{AssociatedService, NotifiedState, Protected, Received, Verdict};

/// Object storage, by its CRN service name. Its resources are buckets.
pub const OBJECT_STORAGE: &str = "cloud-object-storage";
/// Databases, by its CRN service name. Its resources are deployments.
pub const DATABASES: &str = "databases-for-postgresql";
