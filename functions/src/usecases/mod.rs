//! Use cases: what each function does with a request, an event or a schedule. They own their input types and
//! know nothing of Lambda or HTTP.

pub mod lifecycle;
pub mod redeliver;
pub mod sync;
