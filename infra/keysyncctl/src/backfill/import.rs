//! `keysyncctl import`: writes keys and registrations of an instance to the table, under the
//! conditions of the ledger.
//!
//! A key is written only if the table does not know it, and a registration only if no later event
//! about it is known. So an import changes nothing that an event has written, it can run beside
//! live events, and it can be repeated. It notifies no service and closes no window.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use keysync::{
    domain::InstanceCrn,
    ledger::{Counted, Ledger, LedgerError, Recorded, RegistrationChange},
};
use serde_json::json;

use super::{
    args::ImportArgs,
    facts,
    import_state::{Counts, ImportState, Part},
};
use crate::{
    cli::output,
    endpoint::{Endpoint, InvalidRow, KeyRow, Paging, RegistrationRow},
    failure::{Failure, Finished},
    progress,
};

/// The attempts of a write while the table is throttled or not available, and the wait after the
/// first one, which doubles. The SDK has retried each of them already.
const ATTEMPTS: u32 = 8;
const WAIT: Duration = Duration::from_millis(500);

/// The result for one element.
enum Imported {
    Written,
    Known,
    Rejected(String),
}

/// Runs `keysyncctl import`.
pub(crate) async fn run(args: ImportArgs, as_json: bool) -> Result<Finished, Failure> {
    let instance = args.endpoint.instance()?;
    let mut state = ImportState::open(&args)?;
    let (endpoint, ledger) = (args.endpoint.connect()?, args.table.open().await?);
    if state.progress.read > 0 || state.progress.part != Part::Keys {
        output::remark("continuing an import that was interrupted or is finished");
    }
    if state.progress.part == Part::Keys {
        let paging = Paging::keys(instance, None, args.page_size);
        import_keys(&endpoint, &ledger, &args, &mut state, paging).await?;
        state.begin(Part::Registrations)?;
    }
    if state.progress.part == Part::Registrations {
        let paging = Paging::registrations(instance, args.page_size);
        import_registrations(&endpoint, &ledger, &args, &mut state, paging).await?;
        state.begin(Part::Finished)?;
    }
    show(&state, args.dry_run, as_json)?;
    let rejected = state.progress.keys.rejected + state.progress.registrations.rejected;
    Ok(Finished::unless(rejected > 0))
}

async fn import_keys(
    endpoint: &Endpoint,
    ledger: &Ledger,
    args: &ImportArgs,
    state: &mut ImportState,
    paging: Paging<'_>,
) -> Result<(), Failure> {
    let mut paging = paging.resume(state.progress.read, state.progress.last.clone());
    let progress = progress::counter("importing keys");
    progress.set_position(paging.read as u64);
    while let Some(rows) = paging.next::<KeyRow>(endpoint).await? {
        let sample = rows.iter().flatten().next().map(|row| row.crn.clone());
        state.progress.sample = state.progress.sample.take().or(sample);
        let writes = stream::iter(rows).map(async |row| match row {
            Err(invalid) => Ok::<_, Failure>(rejected(&invalid)),
            Ok(row) => {
                import_key(ledger, &row, args.dry_run).await.map(|result| (row.id.to_string(), result))
            }
        });
        let results: Vec<_> = writes.buffer_unordered(args.concurrency).try_collect().await?;
        progress.inc(results.len() as u64);
        add(&mut state.progress.keys, results);
        state.page_written(&paging)?;
    }
    progress.finish_and_clear();
    Ok(())
}

async fn import_registrations(
    endpoint: &Endpoint,
    ledger: &Ledger,
    args: &ImportArgs,
    state: &mut ImportState,
    paging: Paging<'_>,
) -> Result<(), Failure> {
    // Without a key there is no registration.
    let Some(instance) = state.instance() else { return Ok(()) };
    let mut paging = paging.resume(state.progress.read, state.progress.last.clone());
    let progress = progress::counter("importing registrations");
    progress.set_position(paging.read as u64);
    while let Some(rows) = paging.next::<RegistrationRow>(endpoint).await? {
        let writes = stream::iter(rows).map(async |row| match row {
            Err(invalid) => Ok::<_, Failure>(rejected(&invalid)),
            Ok(row) => {
                let result = import_registration(ledger, &instance, &row, args.dry_run).await?;
                Ok((format!("{} {}", row.key_id, row.resource_crn), result))
            }
        });
        let results: Vec<_> = writes.buffer_unordered(args.concurrency).try_collect().await?;
        progress.inc(results.len() as u64);
        add(&mut state.progress.registrations, results);
        state.page_written(&paging)?;
    }
    progress.finish_and_clear();
    Ok(())
}

async fn import_key(ledger: &Ledger, row: &KeyRow, dry_run: bool) -> Result<Imported, Failure> {
    let (facts, event) = match facts::of(row) {
        Ok(facts) => facts,
        Err(reason) => return Ok(Imported::Rejected(reason)),
    };
    let mismatch = || Imported::Rejected("the table has this key in another account or region".to_owned());
    if dry_run {
        let found = persistently(|| ledger.stored_key(facts.crn.instance.instance, facts.crn.key)).await?;
        return Ok(match found {
            None => Imported::Written,
            Some(stored) if stored.record.crn != facts.crn => mismatch(),
            Some(_) => Imported::Known,
        });
    }
    Ok(match persistently(|| ledger.import(facts.clone(), event)).await? {
        Recorded::NothingToNotify | Recorded::Pending(_) => Imported::Written,
        Recorded::Stale => Imported::Known,
        Recorded::CrnMismatch => mismatch(),
    })
}

async fn import_registration(
    ledger: &Ledger,
    instance: &InstanceCrn,
    row: &RegistrationRow,
    dry_run: bool,
) -> Result<Imported, Failure> {
    let at = match facts::epoch_millis(row.creation_date) {
        Ok(at) => at,
        Err(reason) => return Ok(Imported::Rejected(reason)),
    };
    let key = instance.clone().key(row.key_id);
    if dry_run {
        let stored = persistently(|| ledger.partition(instance.instance, row.key_id)).await?;
        let is_known = stored.registrations.contains(&row.resource_crn);
        return Ok(if is_known { Imported::Known } else { Imported::Written });
    }
    let change = RegistrationChange { key, resource: row.resource_crn.clone(), registered: true, at };
    let rejected = |reason: &str| Imported::Rejected(reason.to_owned());
    Ok(match persistently(|| ledger.count(&change)).await? {
        Counted::Applied => Imported::Written,
        Counted::Stale => Imported::Known,
        Counted::UnknownKey => rejected("the table does not know its key"),
        Counted::CrnMismatch => rejected("the table has its key in another account or region"),
        Counted::TooManyServices => rejected("its key has registrations of 128 other services"),
    })
}

/// The result of a call to the table, repeated while that is throttled or not available.
async fn persistently<T, F: Future<Output = Result<T, LedgerError>>>(
    call: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut attempt = 0;
    loop {
        match call().await {
            Err(LedgerError::Throttled | LedgerError::Unavailable(_)) if attempt < ATTEMPTS - 1 => {
                tokio::time::sleep(WAIT * 2_u32.pow(attempt)).await;
                attempt += 1;
            }
            result => {
                return result.map_err(|error| {
                    Failure::Stopped(format!("{error}; run the same command again to continue"))
                });
            }
        }
    }
}

fn rejected(invalid: &InvalidRow) -> (String, Imported) {
    (invalid.identity.clone(), Imported::Rejected(invalid.reason.clone()))
}

/// Adds the results of a page, and reports what was rejected.
fn add(counts: &mut Counts, results: Vec<(String, Imported)>) {
    for (identity, result) in results {
        match result {
            Imported::Written => counts.imported += 1,
            Imported::Known => counts.known += 1,
            Imported::Rejected(reason) => {
                counts.rejected += 1;
                output::remark(format!("{identity} is not imported: {reason}"));
            }
        }
    }
}

fn show(state: &ImportState, dry_run: bool, as_json: bool) -> Result<(), Failure> {
    let (keys, registrations) = (state.progress.keys, state.progress.registrations);
    if as_json {
        let shown = json!({"dry-run": dry_run, "keys": keys, "registrations": registrations});
        return Ok(output::json(&shown)?);
    }
    let imported = if dry_run { "would be imported" } else { "imported" };
    let row = |name: &str, counts: Counts| {
        [name.to_owned(), counts.imported.to_string(), counts.known.to_string(), counts.rejected.to_string()]
    };
    let rows = [row("keys", keys), row("registrations", registrations)];
    Ok(output::table(["", imported, "known already", "rejected"], rows)?)
}
