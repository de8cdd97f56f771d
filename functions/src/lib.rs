//! keysync: the "synchronize associated resources" API of a key-management service, as an AWS Lambda
//! function.
//!
//! A request passes through the modules in this order; each knows only those below it:
//!
//! ```text
//! bin/…      starts one of the functions: sync, redeliver, lifecycle
//! app        wires it: event in, answer out, one log line
//! http       request → SyncRequest; outcome → response; the error document
//! sync       use case: authorize → claim → deliver → confirm
//! redeliver  use case: due → lease → deliver → confirm
//! lifecycle  use case: event → record → deliver → confirm
//! throttle   how often one caller may ask
//! iam        token verification, signing keys, access decision
//! outbox     deliver → confirm
//! notify     event, signature, delivery, address guard, bulkheads, retry schedule
//! ledger     the DynamoDB table: claim, record, due, lease, confirm, registrations
//! audit      who asked for what, and was told what: a line for each sync
//! telemetry  logs and metrics
//! trace      the trace that an invocation belongs to
//! key        identifiers, CRNs, states, the window rule; pure
//! strict_json  JSON from outside, for each of them
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod audit;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod http;
pub mod iam;
pub mod key;
pub mod ledger;
pub mod lifecycle;
pub mod notify;
pub mod outbound;
pub mod outbox;
pub mod redeliver;
mod strict_json;
pub mod sync;
pub mod telemetry;
pub mod throttle;
pub mod trace;

pub use app::{LifecycleApp, RedeliverApp, SyncApp};
pub use clock::Clock;
pub use config::{LifecycleConfig, OutboxConfig, SyncConfig};
