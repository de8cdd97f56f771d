//! The owner's bulk sync: `POST …/actions/sync` for many keys, over the public API only.
//!
//! Each key gets one request, with a correlation id that is recorded before it is sent. So a run
//! that is killed and continued repeats the same request, which the server recognizes for 10
//! minutes.

mod args;
mod key_sync;
mod report;
mod result;
mod run_state;
mod selection;
mod service_status;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

pub(crate) use args::{SyncArgs, parse_concurrency, parse_page_size};
use key_sync::{Attempted, KeySync};
use report::Report;
use result::Outcome;
use run_state::RunState;
use selection::{Selected, Selection};

use crate::{
    cli::output,
    endpoint::Endpoint,
    failure::{Failure, Finished},
    progress,
};

/// How often `--wait` waits for the same key: another caller may synchronize it again meanwhile.
const MAX_WAITS: u32 = 3;

/// Runs `keysyncctl sync`.
pub(crate) async fn run(args: SyncArgs, as_json: bool) -> Result<Finished, Failure> {
    let selection = Selection::of(&args)?;
    if !args.dry_run {
        args.check_reports()?;
    }
    let endpoint = args.endpoint.connect()?;
    let selected = selection.load(&endpoint, args.page_size).await?;
    for invalid in &selected.invalid {
        output::remark(format!("key {} is skipped: {}", invalid.identity, invalid.reason));
    }
    if args.dry_run {
        selected.show(as_json)?;
        return Ok(Finished::unless(!selected.invalid.is_empty()));
    }
    let mut state = RunState::open(&args.state_path(), &args.describe(&selection))?;
    synchronize(&endpoint, &args, &selected, &mut state).await?;
    let mut report = Report::of(&selected, &state);
    if !args.no_status {
        service_status::add(&endpoint, &mut report, args.concurrency).await?;
    }
    report.write_files(&args)?;
    report.show(as_json)?;
    Ok(Finished::unless(report.has_failed() || !selected.invalid.is_empty()))
}

/// Synchronizes the keys that have no final result yet.
async fn synchronize(
    endpoint: &Endpoint,
    args: &SyncArgs,
    selected: &Selected,
    state: &mut RunState,
) -> Result<(), Failure> {
    let todo: Vec<_> = selected.keys.iter().filter(|key| !state.is_final(&key.crn, args.wait)).collect();
    if todo.len() < selected.keys.len() {
        let done = selected.keys.len() - todo.len();
        output::remark(format!(
            "{done} of {} keys have a result in {}: they are not synchronized again",
            selected.keys.len(),
            state.path().display()
        ));
    }
    let progress = progress::bar(todo.len(), "synchronizing");
    let mut syncs: Vec<KeySync> = todo.into_iter().map(|key| state.prepare(key)).collect();
    for round in 0..=MAX_WAITS {
        // The keys whose window opens first come first, so that no other key waits for them.
        syncs.sort_by_key(|sync| sync.not_before);
        let mut running = stream::iter(syncs)
            .map(|sync| sync.run(endpoint, state.log()))
            .buffer_unordered(args.concurrency);
        let mut too_early = Vec::new();
        while let Some(attempted) = running.next().await {
            let Attempted { sync, result } = attempted?;
            let waits = args.wait && round < MAX_WAITS && result.outcome == Outcome::TooEarly;
            match result.retry_after.filter(|_| waits) {
                Some(wait) => too_early.push(sync.again(Instant::now() + wait)),
                None => progress.inc(1),
            }
            state.log().finished(&result)?;
        }
        drop(running);
        if too_early.is_empty() {
            break;
        }
        progress.set_message("waiting for windows to open");
        syncs = too_early;
    }
    progress.finish_and_clear();
    state.reload();
    Ok(())
}
