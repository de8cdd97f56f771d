//! `keysyncctl replay`: has the last notification of keys delivered again to chosen services.

use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::{StreamExt, stream};
use keysync::{
    Clock,
    domain::ServiceName,
    ledger::{
        Ledger, LedgerError, MAX_REPLAYED_SERVICES, Pauses, ReplayRequest, Replayed, Status, StoredKey,
        item::Replay,
    },
};
use serde::Serialize;

use crate::{
    cli::output,
    failure::{Failure, Finished},
    input,
    operator::{self, OperatorArgs},
    progress,
    table::{KeyRef, ServiceView, TableArgs, services},
};

/// Keys at the same time.
const CONCURRENCY: usize = 16;
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// The keys: CRNs, or `<instance>/<key>`.
    #[arg(required_unless_present = "keys")]
    key: Vec<KeyRef>,
    /// File with more keys, one per line; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The service, by its CRN service name. Repeatable. Without it: those whose delivery failed or
    /// is still pending.
    #[arg(long, value_name = "NAME")]
    service: Vec<ServiceName>,
    /// Why. It is stored with the key, `keysyncctl show` prints it, and the audit event has it.
    #[arg(long, value_name = "TEXT", value_parser = operator::reason)]
    reason: String,
    #[command(flatten)]
    operator: OperatorArgs,
    /// Print what would be replayed, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    table: TableArgs,
}

/// The result for one key.
#[derive(Debug, Serialize)]
struct KeyReplay {
    key: KeyRef,
    services: Vec<ServiceName>,
    result: String,
    #[serde(skip)]
    has_failed: bool,
}

/// Runs `keysyncctl replay`.
pub(crate) async fn run(args: ReplayArgs, as_json: bool) -> Result<Finished, Failure> {
    let mut keys = args.key.clone();
    if let Some(path) = &args.keys {
        keys.extend(read_keys(path)?);
    }
    keys.sort_unstable();
    keys.dedup();
    let (ledger, pauses) = args.table.open_with_pauses().await?;
    let progress = progress::bar(keys.len(), if args.dry_run { "reading keys" } else { "replaying" });
    let mut running =
        stream::iter(keys).map(|key| replay_one(&ledger, &pauses, key, &args)).buffer_unordered(CONCURRENCY);
    let mut results = Vec::new();
    while let Some(result) = running.next().await {
        results.push(result);
        progress.inc(1);
    }
    drop(running);
    progress.finish_and_clear();
    results.sort_by_key(|result| result.key);
    let some_failed = results.iter().any(|result| result.has_failed);
    if as_json {
        output::json(&results)?;
    } else {
        let rows = results.iter().map(|KeyReplay { key, services, result, .. }| {
            let services: Vec<_> = services.iter().map(ToString::to_string).collect();
            [key.to_string(), services.join(" "), result.clone()]
        });
        output::table(["key", "services", "result"], rows)?;
    }
    Ok(Finished::unless(some_failed))
}

async fn replay_one(ledger: &Ledger, pauses: &Pauses, key: KeyRef, args: &ReplayArgs) -> KeyReplay {
    let found = ledger.stored_key(key.instance, key.key).await;
    let done = |services: Vec<ServiceName>, result: &str| KeyReplay {
        key,
        services,
        result: result.to_owned(),
        has_failed: false,
    };
    let failed = |services, result: String| KeyReplay { key, services, result, has_failed: true };
    let stored = match found {
        Ok(Some(stored)) => stored,
        Ok(None) => return failed(Vec::new(), "the key is unknown".to_owned()),
        Err(error) => return failed(Vec::new(), error.to_string()),
    };
    let Some(claim) = stored.record.claim else {
        return failed(Vec::new(), "the key was never notified of: synchronize it".to_owned());
    };
    let chosen = chosen(&stored, pauses, &args.service);
    if chosen.is_empty() {
        return done(chosen, "nothing to replay: no delivery failed or is pending");
    }
    if chosen.len() > MAX_REPLAYED_SERVICES {
        let reason = format!("more than {MAX_REPLAYED_SERVICES} services: choose some with --service");
        return failed(chosen, reason);
    }
    let missing: Vec<_> = chosen
        .iter()
        .filter(|service| !stored.services.contains_key(service))
        .map(ToString::to_string)
        .collect();
    if !missing.is_empty() {
        return failed(chosen, format!("no registrations under the key: {}", missing.join(" ")));
    }
    if args.dry_run {
        return done(chosen, "would be replayed");
    }
    let replay = Replay {
        claim,
        at: Clock::system().now(),
        services: chosen.clone(),
        operator: args.operator.operator.clone(),
        reason: args.reason.clone(),
    };
    let request = ReplayRequest { key: stored.record.crn.clone(), replay };
    match ledger.replay(&request).await {
        Ok(Replayed::Scheduled) => {
            let note = note(&stored, pauses, &chosen);
            done(chosen, &format!("replayed: due in the next run of redeliver{note}"))
        }
        Ok(Replayed::Superseded) => {
            done(chosen, "not needed: a newer notification is pending for all services")
        }
        other => failed(chosen, describe(other)),
    }
}

/// What an operator has to know of a replay to these services.
fn note(stored: &StoredKey, pauses: &Pauses, chosen: &[ServiceName]) -> String {
    let names = |is_noted: &dyn Fn(&ServiceView) -> bool| {
        let views = services(stored, pauses, Clock::system().now()).into_iter();
        let noted = views.filter(|view| chosen.contains(&view.service) && is_noted(view));
        noted.map(|view| view.service.to_string()).collect::<Vec<_>>().join(" ")
    };
    let notes = [
        ("paused, so not before `keysyncctl resume`", names(&|view| view.paused)),
        (
            "received this event before, and may ignore it (then synchronize the key)",
            names(&|view| view.received),
        ),
    ];
    let notes = notes.iter().filter(|(_, services)| !services.is_empty());
    notes.map(|(note, services)| format!("; {note}: {services}")).collect::<Vec<_>>().concat()
}

fn describe(result: Result<Replayed, LedgerError>) -> String {
    match result {
        Ok(Replayed::UnknownKey) => "the key is unknown".to_owned(),
        Ok(Replayed::NotRegistered(_)) => "a service has no registrations under the key any more".to_owned(),
        Ok(Replayed::TooEarly(at)) => format!("the key was replayed at {at}: check this machine's clock"),
        Ok(Replayed::Scheduled | Replayed::Superseded) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// The services to replay to: those that were named, or those without a final success.
fn chosen(stored: &StoredKey, pauses: &Pauses, named: &[ServiceName]) -> Vec<ServiceName> {
    if !named.is_empty() {
        let mut named = named.to_vec();
        named.sort_unstable();
        named.dedup();
        return named;
    }
    let views = services(stored, pauses, Clock::system().now()).into_iter();
    views.filter(|view| view.pending || view.state == Status::Failed).map(|view| view.service).collect()
}

fn read_keys(path: &Path) -> Result<Vec<KeyRef>, Failure> {
    let text = input::read(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            let invalid = |error| Failure::Usage(format!("{} line {}: {error}", path.display(), n + 1));
            line.trim().parse().map_err(invalid)
        })
        .collect()
}
