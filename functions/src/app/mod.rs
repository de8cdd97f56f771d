//! The functions, wired: an event in, an answer out. A binary starts one of them (`bin/`).

mod lifecycle;
mod redeliver;
mod sync;

use std::time::Duration;

use lambda_http::Context;

pub use lifecycle::LifecycleApp;
pub use redeliver::{RedeliverApp, RedeliverError};
pub use sync::SyncApp;

use crate::{
    clock::Clock,
    config::OutboxConfig,
    deadline::Budget,
    key::EpochMillis,
    ledger::Ledger,
    notify::{Notifier, SigningKeys},
    outbox::Outbox,
};

/// What every function has: the ledger, and what tells the services.
fn outbox(
    config: OutboxConfig,
    keys: SigningKeys,
    aws: &aws_config::SdkConfig,
    clock: &Clock,
) -> Result<Outbox, reqwest::Error> {
    let OutboxConfig { table, registry, addresses, callback_timeout, .. } = config;
    let notifier = Notifier::new(registry, keys, addresses, callback_timeout, clock.clone())?;
    Ok(Outbox { ledger: Ledger::new(aws, table), notifier })
}

/// The time that an invocation has.
fn budget(context: Option<&Context>, limit: Duration) -> Budget {
    Budget::new(context.map(|context| EpochMillis::new(context.deadline)), limit)
}
