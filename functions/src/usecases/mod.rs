//! The use cases of the functions: sync, notification status, lifecycle events and redelivery. They
//! own their input types and do not depend on HTTP. Only `lifecycle::batch` and
//! `lifecycle::dead_letter` depend on SQS.

mod admission;
pub mod lifecycle;
pub mod redeliver;
pub mod status;
pub mod sync;

pub use admission::{Admission, KeyRequest};
