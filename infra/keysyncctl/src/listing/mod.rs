//! Lists of notifications by state: `pending` and `retrying` from the index `due`, `failed` and
//! `overdue` from a scan of the table, because settled notifications are in no index.

mod args;
mod from_index;
mod from_scan;

use keysync::{Clock, domain::EpochMillis, ledger::Status};
use serde::Serialize;

pub(crate) use args::{IndexArgs, ScanArgs};

use crate::{
    cli::output,
    failure::{Failure, Finished},
    table::{KeyRef, by_name, state},
    values,
};
use args::Filter;

/// A notification of one service.
#[derive(Clone, Debug, Serialize)]
struct Listed {
    key: KeyRef,
    service: String,
    #[serde(serialize_with = "by_name")]
    state: Status,
    /// Whether it is pending, and an operator has paused the service.
    paused: bool,
    notified_at: EpochMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<EpochMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Runs `keysyncctl pending`.
pub(crate) async fn pending(args: IndexArgs, as_json: bool) -> Result<Finished, Failure> {
    let ((ledger, pauses), now) = (args.table.open_with_pauses().await?, Clock::system().now());
    let keys = from_index::pending_keys(&ledger).await?;
    let rows = keys
        .into_iter()
        .flat_map(|due| from_index::rows(due, &pauses))
        .filter(|row| args.filter.selects(row, now));
    show(rows.collect(), &args.filter, now, as_json)?;
    Ok(Finished::Done)
}

/// Runs `keysyncctl retrying`.
pub(crate) async fn retrying(args: IndexArgs, as_json: bool) -> Result<Finished, Failure> {
    let ((ledger, pauses), now) = (args.table.open_with_pauses().await?, Clock::system().now());
    let keys = from_index::pending_keys(&ledger).await?;
    let rows = from_index::read_keys(&ledger, keys, &pauses, now).await?.into_iter();
    let rows = rows.filter(|row| row.next_attempt.is_some() && args.filter.selects(row, now));
    show(rows.collect(), &args.filter, now, as_json)?;
    Ok(Finished::Done)
}

/// Runs `keysyncctl failed` or `keysyncctl overdue`.
pub(crate) async fn settled(args: ScanArgs, states: &[Status], as_json: bool) -> Result<Finished, Failure> {
    let ((ledger, pauses), now) = (args.table.open_with_pauses().await?, Clock::system().now());
    let scanned = from_scan::scan(&ledger, &pauses, &args, now).await?;
    let rows = scanned.rows.into_iter();
    let rows = rows.filter(|row| states.contains(&row.state) && args.filter.selects(row, now));
    show(rows.collect(), &args.filter, now, as_json)?;
    if !scanned.is_complete {
        output::remark(format!(
            "the list is incomplete: the scan ended after {} pages of 1 MB; raise --max-pages",
            args.max_pages
        ));
    }
    Ok(Finished::unless(!scanned.is_complete))
}

/// Prints a list, oldest notifications first.
fn show(mut rows: Vec<Listed>, filter: &Filter, now: EpochMillis, as_json: bool) -> Result<(), Failure> {
    rows.sort_by(|a, b| (a.notified_at, a.key, &a.service).cmp(&(b.notified_at, b.key, &b.service)));
    if filter.quiet {
        let mut keys: Vec<KeyRef> = rows.iter().map(|row| row.key).collect();
        keys.dedup();
        let text = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let text = if text.is_empty() { text } else { text + "\n" };
        return Ok(output::write(text)?);
    }
    if as_json {
        return Ok(output::json(&rows)?);
    }
    let count = rows.len();
    let rows = rows.into_iter().map(|row| {
        let optional = |value: Option<String>| value.unwrap_or_default();
        [
            row.key.to_string(),
            row.service,
            state(row.state, row.paused),
            values::age(now.since(row.notified_at)),
            optional(row.attempts.map(|attempts| attempts.to_string())),
            optional(row.next_attempt.map(|at| at.to_string())),
            optional(row.reason),
        ]
    });
    if count > 0 {
        output::table(["key", "service", "state", "age", "attempts", "next attempt", "reason"], rows)?;
    }
    Ok(output::line(output::count(count, "notification"))?)
}
