//! `keysyncctl paused`: the paused services.

use clap::Args;
use keysync::{domain::ServiceName, ledger::Pause};
use serde::Serialize;

use crate::{
    cli::output,
    failure::{Failure, Finished},
    table::TableArgs,
};

#[derive(Args, Debug)]
pub(crate) struct PausedArgs {
    /// Print also services that were resumed, with their last pause.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Serialize)]
struct Listed<'a> {
    service: &'a ServiceName,
    #[serde(flatten)]
    pause: &'a Pause,
}

/// Runs `keysyncctl paused`.
pub(crate) async fn run(args: PausedArgs, as_json: bool) -> Result<Finished, Failure> {
    let pauses = args.table.open().await?.pauses().await.map_err(Failure::stopped)?;
    let selected = pauses.iter().filter(|(_, pause)| args.all || pause.resumed.is_none());
    let listed: Vec<_> = selected.map(|(service, pause)| Listed { service, pause }).collect();
    if as_json {
        output::json(&listed)?;
        return Ok(Finished::Done);
    }
    if !listed.is_empty() {
        let rows = listed.iter().map(|Listed { service, pause }| {
            let resumed =
                pause.resumed.as_ref().map(|resumed| format!("{} by {}", resumed.at, resumed.operator));
            [
                service.to_string(),
                pause.at.to_string(),
                pause.operator.clone(),
                pause.reason.clone(),
                resumed.unwrap_or_default(),
            ]
        });
        output::table(["service", "paused at", "by", "reason", "resumed"], rows)?;
    }
    output::line(output::count(listed.len(), "service"))?;
    Ok(Finished::Done)
}
