//! Emulator of associated services: cloud services whose resources are protected by root keys.
//!
//! Object storage and databases represent all of them. A service knows only the last notified state
//! of a key, and allows or denies access to its resources by that state. Its [`Behaviour`] decides
//! how it treats a notification: for example, it can respond with 2xx and not act. With an
//! [`Acknowledger`], it acknowledges what it acted on.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod acknowledgement;
mod api;
mod assertions;
mod behaviour;
mod condition;
mod event;
mod expectation;
mod plan;
mod received;
mod service;
mod stored;

pub use acknowledgement::{Acknowledgement, Acknowledger};
pub use api::{CallbackKeys, router};
pub use behaviour::Behaviour;
pub use condition::Condition;
pub use event::KeyEvent;
pub use expectation::CallbackExpectation;
pub use received::{Received, Verdict};
pub use service::{Access, AssociatedService, NotifiedState, Protected};
pub use stored::ServiceState;

/// CRN service name of object storage. Its resources are buckets.
pub const OBJECT_STORAGE: &str = "cloud-object-storage";
/// CRN service name of databases. Its resources are deployments.
pub const DATABASES: &str = "databases-for-postgresql";
