//! Delivery attempts: of the newest notification, by one process at a time, each counted once.

use std::{collections::BTreeMap, ptr};

use super::{Finding, Found, Guarantee, Rules};
use crate::log_check::{
    Millis,
    history::{Attempt, Dispatch},
};

/// An attempt and the work that it belongs to.
type Made<'a> = (&'a Dispatch, &'a Attempt);

impl Rules<'_> {
    /// No attempt is for a replaced or settled delivery, and none is made twice.
    pub(super) fn deliveries(self, found: &mut Found) {
        let mut events: BTreeMap<String, Vec<Made<'_>>> = BTreeMap::new();
        for dispatch in &self.of_key.dispatches {
            for attempt in &dispatch.attempts {
                found.violations.extend(self.before_its_claim(attempt));
                found.violations.extend(self.replaced(dispatch, attempt));
                events.entry(attempt.event.to_string()).or_default().push((dispatch, attempt));
            }
        }
        let retried = events.into_values().filter(|attempts| {
            attempts.first().is_some_and(|(_, attempt)| !self.is_replayed_by_operator(&attempt.event))
        });
        for attempts in retried {
            let contradicts =
                |later: &Made<'_>| attempts.iter().find_map(|earlier| self.contradiction(*earlier, *later));
            found.violations.extend(attempts.iter().filter_map(contradicts));
        }
        for (id, claim) in self.of_key.claims.iter().filter(|(_, claim)| claim.origins.is_empty()) {
            let message = format!("claim {id}: its function wrote no line, and only its deliveries show it");
            found.undecided.push(self.finding(Guarantee::G4, &claim.position, message));
        }
    }

    fn before_its_claim(self, attempt: &Attempt) -> Option<Finding> {
        let claim = self.claim_of(&attempt.event)?;
        (attempt.started < claim.at - self.skew).then(|| {
            let message = format!("event {} was sent before it was claimed", attempt.event);
            self.finding(Guarantee::G4, &attempt.position, message)
        })
    }

    /// A process that began after a newer notification finds only that one.
    fn replaced(self, dispatch: &Dispatch, attempt: &Attempt) -> Option<Finding> {
        let own = self.claim_of(&attempt.event)?;
        let newer = self.of_key.claims.values().find(|claim| {
            claim.at > own.written_by + self.skew && claim.written_by + self.skew < dispatch.started
        })?;
        let (event, line) = (&attempt.event, &newer.position);
        let message =
            format!("event {event} was sent, although a newer notification had replaced it (line {line})");
        Some(self.finding(Guarantee::G5, &attempt.position, message))
    }

    /// Why `attempt` cannot follow `before`, an attempt of another invocation at the same event.
    fn contradiction(self, (earlier, before): Made<'_>, (later, attempt): Made<'_>) -> Option<Finding> {
        if ptr::eq(earlier, later) {
            return None;
        }
        let follows = |end: Option<Millis>| end.is_some_and(|end| later.started > end + self.skew);
        let (guarantee, problem) = if follows(earlier.confirmed()) {
            if earlier.settles(&before.event) {
                (Guarantee::G7, "it was settled, and is attempted again")
            } else if attempt.number <= before.number {
                (Guarantee::G5, "an attempt that was recorded is forgotten")
            } else {
                return None;
            }
        } else {
            // The later one of two lines is the violation.
            let is_order = (before.at, &before.position) < (attempt.at, &attempt.position);
            if attempt.number != before.number || !is_order {
                return None;
            }
            let overlap = earlier.ended.is_some_and(|ended| attempt.started < ended - self.skew)
                && later.ended.is_some_and(|ended| before.started < ended);
            if earlier.confirmed().is_some() && later.confirmed().is_some() {
                (Guarantee::G5, "two invocations recorded it as the same attempt; one had lost its lease")
            } else if overlap {
                (Guarantee::G1, "two invocations held its lease at the same time")
            } else {
                return None;
            }
        };
        let message = format!("event {}: {problem} (line {})", attempt.event, before.position);
        Some(self.finding(guarantee, &attempt.position, message))
    }
}
