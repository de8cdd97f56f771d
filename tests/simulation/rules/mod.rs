//! The guarantees G1–G10 (`docs/explanation/guarantees.md`), checked whenever something happens.
//!
//! The rules know what no function does: the true time, what the services have, and which
//! invocation wrote what. They restate the guarantees and share no code with the functions.

mod acknowledgements;
mod deadlines;
mod ending;
mod peers;
mod responses;
mod runs;
mod write;

pub(crate) use deadlines::{event_id, finding};
pub(crate) use ending::{at_end, is_settled};
pub(crate) use peers::{callback, dead_letter};
pub(crate) use responses::{after_event, after_failed_event, after_sync};
pub(crate) use runs::{after_run, to_lease};
pub(crate) use write::after_write;

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
/// The time in which the same request is an idempotent replay.
const REPLAY: u64 = 600 * SECOND;
/// The time in which a service must acknowledge.
const DEADLINE: u64 = 4 * HOUR;
/// The time after the deadline in which acknowledgements can still arrive.
const GRACE: u64 = 300 * SECOND;
/// The time after which retries end.
const RETRY_PERIOD: u64 = 24 * HOUR;
/// The failures of a service in one run that open its circuit.
const FAILURES_TO_OPEN: usize = 4;
/// The longest lease: the time limit of an invocation and a margin.
const LEASE: u64 = 30 * SECOND;
/// The number of shards of the due index for pending notifications.
pub(crate) const SHARDS: u128 = 16;
/// The largest item of a key with three services, in bytes of DynamoDB's JSON.
const MAX_ITEM_BYTES: usize = 6000;
