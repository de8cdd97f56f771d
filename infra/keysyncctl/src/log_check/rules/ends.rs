//! Ends of notifications: retries last 24 hours, deadlines four, and none ends in silence.

use std::collections::BTreeMap;

use keysync::{
    delivery::RETRY_PERIOD,
    domain::{
        EventId,
        deadline::{DEADLINE, GRACE},
    },
};

use super::{Finding, Found, Guarantee, Rules, seconds};
use crate::log_check::{
    Millis,
    history::{Attempt, Claim, Dispatch, MAX_INVOCATION, Reported},
};

/// The time from a claim to the end of its retries.
#[expect(clippy::cast_possible_truncation, reason = "a day")]
const DAY: Millis = RETRY_PERIOD.as_millis() as Millis;
/// The time from a claim to the check of its deadline.
#[expect(clippy::cast_possible_truncation, reason = "some hours")]
const CHECKED: Millis = (DEADLINE.as_millis() + GRACE.as_millis()) as Millis;

impl Rules<'_> {
    /// Retries and deadlines end when they have to.
    pub(super) fn ends(self, found: &mut Found) {
        for dispatch in &self.of_key.dispatches {
            let exhausted = dispatch.exhausted.iter();
            found.violations.extend(
                exhausted.filter_map(|reported| self.too_soon(reported, DAY, Guarantee::G2, "retries end")),
            );
            for reported in &dispatch.overdue {
                found.violations.extend(self.too_soon(reported, CHECKED, Guarantee::G9, "it is overdue"));
                found.violations.extend(self.reported_again(dispatch, reported));
            }
            let attempts = dispatch.attempts.iter();
            found
                .violations
                .extend(attempts.filter_map(|attempt| self.retried_after_a_day(dispatch, attempt)));
        }
        self.silence(found);
    }

    fn too_soon(
        self,
        reported: &Reported,
        earliest: Millis,
        guarantee: Guarantee,
        what: &str,
    ) -> Option<Finding> {
        let Reported { event, position, at, claimed_at } = reported;
        let after = at - (*claimed_at)?;
        (after < earliest - self.skew).then(|| {
            let (after, earliest) = (seconds(after), seconds(earliest));
            let message = format!("event {event}: {what} {after} after the claim, not after {earliest}");
            self.finding(guarantee, position, message)
        })
    }

    /// A finding that was recorded is not made again.
    fn reported_again(self, dispatch: &Dispatch, reported: &Reported) -> Option<Finding> {
        let Reported { event, position, .. } = reported;
        let earlier = self.of_key.dispatches.iter().find_map(|earlier| {
            let first = earlier.overdue.iter().find(|first| first.event == *event)?;
            let is_recorded = earlier.confirmed().is_some_and(|end| dispatch.started > end + self.skew);
            is_recorded.then_some(first)
        })?;
        (!self.is_replayed_by_operator(event)).then(|| {
            let message =
                format!("event {event}: it is reported as overdue again (line {})", earlier.position);
            self.finding(Guarantee::G9, position, message)
        })
    }

    /// An attempt that fails after a day is the last one.
    fn retried_after_a_day(self, dispatch: &Dispatch, attempt: &Attempt) -> Option<Finding> {
        let Attempt { event, position, started, .. } = attempt;
        let claim = self.claim_of(event)?;
        let is_late = started - claim.at > DAY + self.skew;
        let is_last = dispatch.ended.is_none() || dispatch.settles(event);
        (is_late && !is_last && !self.may_begin_again(claim, event)).then(|| {
            let after = seconds(started - claim.at);
            let message =
                format!("event {event}: an attempt fails {after} after the claim, and retries go on");
            self.finding(Guarantee::G7, position, message)
        })
    }

    /// A run that left nothing due, long after the end of the retries, ended all older deliveries.
    fn silence(self, found: &mut Found) {
        let attempts = self.of_key.dispatches.iter().flat_map(|dispatch| &dispatch.attempts);
        let last: BTreeMap<String, &Attempt> =
            attempts.map(|attempt| (attempt.event.to_string(), attempt)).collect();
        for Attempt { event, position, .. } in last.into_values() {
            let Some(claim) = self.claim_of(event) else { continue };
            let is_settled = self.of_key.dispatches.iter().any(|dispatch| dispatch.settles(event));
            let is_replaced = self.of_key.claims.values().any(|other| other.at > claim.at);
            // A process that was killed holds its lease for as long as an invocation can take.
            let end = claim.at + DAY + 2 * MAX_INVOCATION + self.skew;
            let is_over = self.history.runs.iter().any(|run| run.left_nothing_due && run.started > end);
            if is_over && !is_settled && !is_replaced && !self.may_begin_again(claim, event) {
                let message = format!(
                    "event {event}: neither delivered, nor replaced, nor exhausted, although a later run left nothing due"
                );
                found.violations.push(self.finding(Guarantee::G2, position, message));
            }
        }
    }

    /// Whether retries may count from a later instant than the claim, as far as the log tells.
    fn may_begin_again(self, claim: &Claim, event: &EventId) -> bool {
        self.history.from > claim.at
            || self.is_paused(&event.service, claim.at, self.history.to)
            || self.is_replayed_by_operator(event)
    }
}
