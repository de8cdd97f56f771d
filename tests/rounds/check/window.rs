//! Who closed the window, and who was told that it is closed.

use super::{Promise, Violation, shown};
use crate::history::{History, Lifecycle, Moment, Sync, Taken};

const SECOND: u64 = 1_000;
const REPLAY: u64 = 10 * 60 * SECOND;
const HOUR: u64 = 60 * 60 * SECOND;

/// An accepted request, with the span of time in which its claim was made.
struct Accepted<'a> {
    sync: &'a Sync,
    /// The start of the earliest try that it may be the repetition of.
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
            let tries = history.syncs().filter(|earlier| {
                earlier.is_same_as(sync)
                    && earlier.may_have_claimed()
                    && earlier.span.began.tick <= began.tick
                    && began.at - earlier.span.began.at <= REPLAY
            });
            let first = tries.map(|earlier| earlier.span.began).min_by_key(|began| began.tick);
            Accepted { sync, first: first.unwrap_or(began) }
        })
        .collect()
}

/// G1, G8: no two claims by sync within an hour.
pub(super) fn one_accepted(history: &History) -> Vec<Violation> {
    let all = accepted(history);
    let mut violations = Vec::new();
    for (n, one) in all.iter().enumerate() {
        for other in all[n + 1..].iter().filter(|other| other.sync.key == one.sync.key) {
            let (first, second) =
                if one.earliest() <= other.earliest() { (one, other) } else { (other, one) };
            // Two tries at one request are one claim, unless they are too far apart for that.
            let may_be_one = one.sync.is_same_as(other.sync) && second.earliest() <= first.latest();
            let apart = first.latest().max(second.latest()) - first.earliest();
            if !may_be_one && apart <= HOUR {
                let how = format!(
                    "two syncs of k{} within an hour, at most {} s apart:\n    {}\n    {}",
                    one.sync.key,
                    apart.div_ceil(SECOND),
                    shown(first.sync),
                    shown(second.sync)
                );
                violations.push(Promise::OneAcceptedInTheWindow.broken(how));
            }
        }
    }
    violations
}

/// G1: a lifecycle action closes the window for syncs that come after it.
pub(super) fn lifecycle_closes(history: &History) -> Vec<Violation> {
    let all = accepted(history);
    let surely = history.lifecycles().filter(|action| action.result == Taken::Surely);
    surely
        .flat_map(|action| {
            all.iter().filter(|sync| sync.sync.key == action.key).filter_map(move |sync| {
                let after = sync.first.tick > action.span.ended.tick;
                (after && sync.latest() - action.span.began.at <= HOUR).then(|| {
                    let how = format!(
                        "k{} was synced within an hour after `{}` at {}:\n    {}",
                        action.key,
                        action.action,
                        action.span.began,
                        shown(sync.sync)
                    );
                    Promise::ALifecycleActionClosesTheWindow.broken(how)
                })
            })
        })
        .collect()
}

/// G4: when a 204 arrives, the table shows the claim behind it, or what has taken its place since.
pub(super) fn claims_behind_accepted(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Accepted { sync, first } in accepted(history) {
        let Some(item) = &sync.item else { continue };
        let broken =
            |how: &str| Promise::No204WithoutAClaim.broken(format!("{how}: {item}\n    {}", shown(sync)));
        if item.sequence == 0 || item.notified_at.is_none_or(|at| at < first.at) {
            violations.push(broken("a 204 came and nobody had claimed by then"));
        } else if item.correlation_id.as_ref() != Some(&sync.correlation_id) {
            // Only a lifecycle action may take the place of a sync's claim within the hour.
            let replaced = history.lifecycles().any(|action| {
                action.key == sync.key
                    && action.result != Taken::Refused
                    && action.span.ended.tick > first.tick
                    && action.span.began.tick < sync.span.ended.tick
            });
            if !replaced {
                violations.push(broken("a 204 came and the claim was somebody else's"));
            }
        }
    }
    violations
}

/// G3: a 409 has a reason: something may have closed the window within the hour before it.
pub(super) fn explained_conflicts(history: &History) -> Vec<Violation> {
    let refused = history.syncs().filter(|sync| sync.too_early());
    let unexplained = refused.filter(|refused| {
        let within_the_hour = |ended: Moment| refused.span.began.at.saturating_sub(ended.at) <= HOUR;
        let by_sync = history.syncs().any(|sync| {
            sync.key == refused.key
                && history.may_have_claimed(sync)
                && sync.span.began.tick < refused.span.ended.tick
                && within_the_hour(sync.span.ended)
                // A request that meets its own claim is told of that: 204.
                && (!sync.is_same_as(refused) || refused.span.ended.at - sync.span.began.at > REPLAY)
        });
        let by_action = history.lifecycles().any(|action: &Lifecycle| {
            action.key == refused.key
                && action.result != Taken::Refused
                && action.span.began.tick < refused.span.ended.tick
                && within_the_hour(action.span.ended)
        });
        !by_sync && !by_action
    });
    unexplained
        .map(|refused| {
            let how = format!(
                "nothing can have closed the window of k{} within the hour before this:\n    {}",
                refused.key,
                shown(refused)
            );
            Promise::NoFalse409.broken(how)
        })
        .collect()
}
