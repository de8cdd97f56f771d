//! keysync: the "synchronize associated resources" API of a key-management service, as an AWS Lambda
//! function.
//!
//! A request passes through the modules in this order; each knows only those below it:
//!
//! ```text
//! bin/sync   wires: configuration, clients, handler
//! app        request in, answer out, one log line
//! http       request → SyncRequest; outcome → response; the error document
//! sync       the use case: authorize → claim → deliver → confirm
//! iam        token verification, signing keys, access decision
//! outbox     deliver → confirm
//! notify     event, signature, delivery, address guard, retry schedule
//! ledger     the DynamoDB table: claim, record, confirm
//! key        identifiers, CRNs, states, the window rule; pure
//! ```

pub mod app;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod http;
pub mod iam;
pub mod key;
pub mod ledger;
pub mod notify;
pub mod outbound;
pub mod outbox;
pub mod sync;
pub mod telemetry;

pub use app::App;
pub use clock::Clock;
pub use config::Config;
