//! `keysyncctl pause` and `keysyncctl resume`.

use clap::Args;
use keysync::{
    Clock,
    domain::ServiceName,
    ledger::{Ledger, Pause, PauseChange, Resumption},
};
use serde::Serialize;

use crate::{
    cli::output,
    failure::{Failure, Finished},
    operator::{self, OperatorArgs},
    table::TableArgs,
};

#[derive(Args, Debug)]
pub(crate) struct PauseArgs {
    /// Why. It is stored, and `keysyncctl paused` prints it.
    #[arg(long, value_name = "TEXT", value_parser = operator::reason)]
    reason: String,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ChangeArgs {
    /// The service, by its CRN service name.
    service: ServiceName,
    #[command(flatten)]
    operator: OperatorArgs,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Serialize)]
struct Changed {
    service: ServiceName,
    result: &'static str,
    /// The service's last pause, after the change.
    pause: Option<Pause>,
}

/// Runs `keysyncctl pause`.
pub(crate) async fn pause(args: PauseArgs, as_json: bool) -> Result<Finished, Failure> {
    let PauseArgs { reason, change: ChangeArgs { service, operator, dry_run, table } } = args;
    let ledger = table.open().await?;
    let pause = Pause { at: Clock::system().now(), operator: operator.operator, reason, resumed: None };
    let result = if dry_run {
        if is_paused(&ledger, &service).await? { "already paused" } else { "would be paused" }
    } else {
        match ledger.pause(&service, &pause).await.map_err(Failure::stopped)? {
            PauseChange::Changed => "paused",
            PauseChange::Unchanged => "already paused",
        }
    };
    if result == "paused" {
        output::remark(format!(
            "takes effect within a minute. Notifications stay pending, also beyond 24 hours; \
             to deliver them: keysyncctl resume {service}"
        ));
    }
    print(&ledger, service, result, as_json).await
}

/// Runs `keysyncctl resume`.
pub(crate) async fn resume(args: ChangeArgs, as_json: bool) -> Result<Finished, Failure> {
    let ChangeArgs { service, operator, dry_run, table } = args;
    let ledger = table.open().await?;
    let resumption = Resumption { at: Clock::system().now(), operator: operator.operator };
    let result = if dry_run {
        if is_paused(&ledger, &service).await? { "would be resumed" } else { "not paused" }
    } else {
        match ledger.resume(&service, &resumption).await.map_err(Failure::stopped)? {
            PauseChange::Changed => "resumed",
            PauseChange::Unchanged => "not paused",
        }
    };
    if result == "resumed" {
        output::remark("the next run of redeliver delivers what is pending, and retries it for 24 hours");
    }
    print(&ledger, service, result, as_json).await
}

async fn is_paused(ledger: &Ledger, service: &ServiceName) -> Result<bool, Failure> {
    Ok(ledger.pauses().await.map_err(Failure::stopped)?.is_paused(service))
}

async fn print(
    ledger: &Ledger,
    service: ServiceName,
    result: &'static str,
    as_json: bool,
) -> Result<Finished, Failure> {
    let pauses = ledger.pauses().await.map_err(Failure::stopped)?;
    let pause = pauses.iter().find(|(name, _)| **name == service).map(|(_, pause)| pause.clone());
    if as_json {
        output::json(&Changed { service, result, pause })?;
    } else {
        let since = pause.filter(|pause| pause.resumed.is_none());
        let since =
            since.map(|Pause { at, operator, reason, .. }| format!(" (since {at}, by {operator}: {reason})"));
        output::line(format!("{service}: {result}{}", since.unwrap_or_default()))?;
    }
    Ok(Finished::Done)
}
