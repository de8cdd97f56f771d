//! keysync: the "synchronize associated resources" API of a key-management service, as AWS Lambda
//! functions.
//!
//! Modules, from the outside in. Each depends only on modules below it; `tests/module_map.rs`
//! checks this.
//!
//! ```text
//! run            the functions as programs: settings, connections, invocations
//! handlers       Lambda event in, response out, one log line
//! config         settings from environment variables; no I/O
//! audit          audit events of sync requests, and of services that did not act
//! api            parse a request; responses; error responses; the JWKS route
//! usecases       sync, status, lifecycle, redeliver; own their request types
//! dispatch       deliver a claimed notification, then confirm it
//! delivery       callback client, SSRF guard, signing, retry, circuit breaker, CloudEvent
//! iam            token verification, JWKS cache, access decision
//! ledger         the DynamoDB table, one file per write
//! rate_limit     per-caller rate limit
//! telemetry      logs and metrics
//! trace_context  W3C trace context of an invocation
//! time_budget    remaining time of an invocation
//! http_client    bounded HTTP client, AWS SDK connector, TLS roots
//! clock          time of day
//! excerpt        bounded, secret-free excerpts of invalid values for error messages
//! strict_json    untrusted JSON: objects only, no duplicate fields
//! domain         ids, CRNs, states, callers, the window rule; no I/O
//! ```

#![forbid(unsafe_code)]

pub mod api;
pub mod audit;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod dispatch;
pub mod domain;
mod excerpt;
pub mod handlers;
pub mod http_client;
pub mod iam;
pub mod ledger;
pub mod rate_limit;
pub mod run;
mod strict_json;
pub mod telemetry;
pub mod time_budget;
pub mod trace_context;
pub mod usecases;

pub use clock::Clock;
pub use config::{CommonConfig, LifecycleConfig, SyncConfig};
pub use handlers::{LifecycleHandler, RedeliverHandler, SyncHandler, Table};
