//! The window: which syncs closed it, and which were rejected because it was closed.

use super::{Guarantee, Violation, formatted};
use crate::history::{History, Lifecycle, Moment, Outcome, Sync};

const SECOND: u64 = 1_000;
const REPLAY: u64 = 10 * 60 * SECOND;
const HOUR: u64 = 60 * 60 * SECOND;

/// An accepted sync and the time span in which its claim was made.
struct Accepted<'a> {
    sync: &'a Sync,
    /// The start of the earliest attempt that it may be an idempotent replay of.
    first: Moment,
}

impl Accepted<'_> {
    fn earliest(&self) -> u64 {
        self.first.at
    }

    fn latest(&self) -> u64 {
        self.sync.span.ended.at
    }
}

fn accepted(history: &History) -> Vec<Accepted<'_>> {
    history
        .syncs()
        .filter(|sync| sync.accepted())
        .map(|sync| {
            let began = sync.span.began;
            let attempts = history.syncs().filter(|earlier| {
                earlier.is_same_as(sync)
                    && earlier.may_have_claimed()
                    && earlier.span.began.tick <= began.tick
                    && began.at - earlier.span.began.at <= REPLAY
            });
            let first = attempts.map(|earlier| earlier.span.began).min_by_key(|began| began.tick);
            Accepted { sync, first: first.unwrap_or(began) }
        })
        .collect()
}

/// G1, G8: no two syncs of a key are claimed within an hour.
pub(super) fn one_accepted(history: &History) -> Vec<Violation> {
    let all = accepted(history);
    let mut violations = Vec::new();
    for (n, one) in all.iter().enumerate() {
        for other in all[n + 1..].iter().filter(|other| other.sync.key == one.sync.key) {
            let (first, second) =
                if one.earliest() <= other.earliest() { (one, other) } else { (other, one) };
            // Two attempts of one request share a claim unless they are too far apart for a replay.
            let may_be_one = one.sync.is_same_as(other.sync) && second.earliest() <= first.latest();
            let apart = first.latest().max(second.latest()) - first.earliest();
            if !may_be_one && apart <= HOUR {
                let description = format!(
                    "two syncs of k{} within an hour, at most {} s apart:\n    {}\n    {}",
                    one.sync.key,
                    apart.div_ceil(SECOND),
                    formatted(first.sync),
                    formatted(second.sync)
                );
                violations.push(Guarantee::OneSyncPerWindow.violated(description));
            }
        }
    }
    violations
}

/// G1: a lifecycle action closes the window for later syncs.
pub(super) fn lifecycle_closes(history: &History) -> Vec<Violation> {
    let all = accepted(history);
    let recorded = history.lifecycles().filter(|action| action.result == Outcome::Recorded);
    recorded
        .flat_map(|action| {
            all.iter().filter(|sync| sync.sync.key == action.key).filter_map(move |sync| {
                let after = sync.first.tick > action.span.ended.tick;
                (after && sync.latest() - action.span.began.at <= HOUR).then(|| {
                    let description = format!(
                        "k{} was synchronized within an hour of `{}` at {}:\n    {}",
                        action.key,
                        action.action,
                        action.span.began,
                        formatted(sync.sync)
                    );
                    Guarantee::LifecycleActionClosesWindow.violated(description)
                })
            })
        })
        .collect()
}

/// G4: when a 204 arrives, the table contains its claim, or a newer one that replaced it.
pub(super) fn claims_behind_accepted(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Accepted { sync, first } in accepted(history) {
        let Some(item) = &sync.item else { continue };
        let violation = |description: &str| {
            let description = format!("{description}: {item}\n    {}", formatted(sync));
            Guarantee::ClaimBehindEvery204.violated(description)
        };
        if item.sequence == 0 || item.notified_at.is_none_or(|at| at < first.at) {
            violations.push(violation("204 without any claim"));
        } else if item.correlation_id.as_ref() != Some(&sync.correlation_id) {
            // Only a lifecycle action can replace the claim of a sync within the hour.
            let replaced = history.lifecycles().any(|action| {
                action.key == sync.key
                    && action.result != Outcome::Rejected
                    && action.span.ended.tick > first.tick
                    && action.span.began.tick < sync.span.ended.tick
            });
            if !replaced {
                violations.push(violation("204, but the table has the claim of another request"));
            }
        }
    }
    violations
}

/// G3: for every 409, something may have closed the window within the hour before.
pub(super) fn explained_conflicts(history: &History) -> Vec<Violation> {
    let rejected = history.syncs().filter(|sync| sync.too_early());
    let unexplained = rejected.filter(|rejected| {
        let within_the_hour = |ended: Moment| rejected.span.began.at.saturating_sub(ended.at) <= HOUR;
        let by_sync = history.syncs().any(|sync| {
            sync.key == rejected.key
                && history.may_have_claimed(sync)
                && sync.span.began.tick < rejected.span.ended.tick
                && within_the_hour(sync.span.ended)
                // A request that finds its own claim is a replay and gets 204.
                && (!sync.is_same_as(rejected) || rejected.span.ended.at - sync.span.began.at > REPLAY)
        });
        let by_action = history.lifecycles().any(|action: &Lifecycle| {
            action.key == rejected.key
                && action.result != Outcome::Rejected
                && action.span.began.tick < rejected.span.ended.tick
                && within_the_hour(action.span.ended)
        });
        !by_sync && !by_action
    });
    unexplained
        .map(|rejected| {
            let description = format!(
                "409, but nothing can have closed the window of k{} within the hour before:\n    {}",
                rejected.key,
                formatted(rejected)
            );
            Guarantee::NoFalse409.violated(description)
        })
        .collect()
}
