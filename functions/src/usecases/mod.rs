//! The use cases of the three functions: sync, lifecycle events and redelivery. They own their
//! input types and do not depend on HTTP. Only `lifecycle::batch` and `lifecycle::dead_letter`
//! depend on SQS.

pub mod lifecycle;
pub mod redeliver;
pub mod sync;
