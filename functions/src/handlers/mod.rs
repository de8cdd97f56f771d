//! The Lambda handlers, one per function: they build the clients, run the use case and log the
//! result.

mod failure;
mod lifecycle;
mod redeliver;
mod status;
mod sync;
mod table;

use std::time::Duration;

use lambda_http::Context;

pub use lifecycle::LifecycleHandler;
pub use redeliver::{RedeliverError, RedeliverHandler};
pub use sync::SyncHandler;
pub use table::Table;

use crate::{
    clock::Clock,
    config::CommonConfig,
    delivery::{Notifier, SigningKeys},
    dispatch::Dispatcher,
    domain::EpochMillis,
    time_budget::TimeBudget,
};

/// Builds the dispatcher, which every function needs.
fn dispatcher(config: CommonConfig, keys: SigningKeys, table: Table, clock: &Clock) -> Dispatcher {
    let CommonConfig { registry, addresses, callback_timeout, .. } = config;
    let notifier = Notifier::new(registry, keys, addresses, callback_timeout, clock.clone());
    Dispatcher { ledger: table.ledger, notifier, pauses: table.pauses }
}

/// The time budget of an invocation: `limit`, or the time until Lambda's deadline if that is
/// shorter.
fn budget(context: Option<&Context>, limit: Duration) -> TimeBudget {
    TimeBudget::new(context.map(|context| EpochMillis::new(context.deadline)), limit)
}
