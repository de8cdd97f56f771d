//! Settled notifications, from a scan of the table.

use keysync::{
    domain::EpochMillis,
    ledger::{Ledger, Pauses, Stored},
};

use super::{Listed, ScanArgs};
use crate::{
    failure::Failure,
    progress,
    table::{KeyRef, ServiceView, services},
};

/// What a scan found.
pub(super) struct Scanned {
    pub(super) rows: Vec<Listed>,
    /// Whether it read the whole table.
    pub(super) is_complete: bool,
}

impl Listed {
    pub(super) fn of(key: KeyRef, notified_at: EpochMillis, view: ServiceView) -> Self {
        Self {
            key,
            service: view.service.to_string(),
            state: view.state,
            paused: view.pending && view.paused,
            notified_at,
            attempts: view.attempts,
            next_attempt: view.next_attempt,
            reason: view.reason,
        }
    }
}

/// The last notification of every key that has one.
pub(super) async fn scan(
    ledger: &Ledger,
    pauses: &Pauses,
    args: &ScanArgs,
    now: EpochMillis,
) -> Result<Scanned, Failure> {
    let progress = progress::counter("reading items");
    let (mut rows, mut start) = (Vec::new(), None);
    for _ in 0..args.max_pages {
        let page = ledger.scan(args.filter.instance, start).await.map_err(Failure::stopped)?;
        progress.inc(page.scanned as u64);
        for item in page.items {
            let Stored::Key(stored) = item else { continue };
            let Some(notified_at) = stored.record.notified_at else { continue };
            let crn = &stored.record.crn;
            let key = KeyRef { instance: crn.instance.instance, key: crn.key };
            let views = services(&stored, pauses, now).into_iter();
            let selected = views.map(|view| Listed::of(key, notified_at, view));
            rows.extend(selected.filter(|row| args.filter.selects(row, now)));
        }
        start = page.next;
        if start.is_none() {
            progress.finish_and_clear();
            return Ok(Scanned { rows, is_complete: true });
        }
    }
    Ok(Scanned { rows, is_complete: false })
}
