//! Responses: a 204 has a claim, and a 409 a notification within the hour before it.

use super::{Finding, Found, Guarantee, Rules, instant, window::HOUR};
use crate::log_check::{
    Millis,
    history::Claim,
    line::{Accepted, Kind, Line},
};

/// The time in which a repeated request gets the response to the first one
/// (`docs/reference/limits.md#replay`).
const REPLAY: Millis = 10 * 60 * 1000;
/// Instants in responses are rounded up to seconds.
const ROUNDING: Millis = 1000;

impl Rules<'_> {
    /// Each response has its cause.
    pub(super) fn responses(self, found: &mut Found) {
        found.violations.extend(self.of_key.without_claim.iter().filter_map(|line| self.without_claim(line)));
        for (line, accepted) in &self.of_key.replayed {
            self.replayed(line, accepted, found);
        }
        for (line, until) in &self.of_key.too_early {
            if let Some(until) = *until {
                self.too_early(line, until, found);
            }
        }
    }

    fn without_claim(self, line: &Line) -> Option<Finding> {
        let message = match (&line.kind, &line.claim) {
            (Kind::Accepted(_), _) => "204 without a claim".to_owned(),
            (Kind::Callback { event, .. }, Some(claim)) => {
                format!("event {event} was sent for claim {claim} of {}", line.key)
            }
            (Kind::Callback { event, .. }, None) => format!("event {event} was sent without a claim"),
            _ => return None,
        };
        Some(self.finding(Guarantee::G4, &line.position, message))
    }

    /// A 204 as a replay needs the claim of its request, not older than ten minutes and not
    /// replaced.
    fn replayed(self, line: &Line, accepted: &Accepted, found: &mut Found) {
        let claims = self.of_key.claims.values();
        let is_own = |claim: &&Claim| claim.syncs().any(|sync| is_same_request(sync, accepted));
        let own = claims.clone().filter(is_own).max_by_key(|claim| claim.at);
        let before = |claim: &&Claim| claim.written_by + self.skew < line.started;
        let latest = claims.filter(before).max_by_key(|claim| claim.at);
        let because = match (own, latest) {
            (Some(own), _) if line.started - own.at > REPLAY + self.skew => {
                format!("its claim was more than ten minutes earlier (line {})", own.position)
            }
            (Some(own), Some(latest)) if latest.at > own.written_by + self.skew => {
                format!("a newer notification had replaced its claim (line {})", latest.position)
            }
            (Some(_), _) => return,
            // Its own claim would be within the window of this one.
            (None, Some(latest)) if !latest.origins.is_empty() && line.at - latest.at < HOUR - self.skew => {
                format!("another request or action had closed the window (line {})", latest.position)
            }
            (None, _) => {
                let id = &accepted.correlation_id;
                let message = format!("204 as a replay of `{id}`: the log has no claim of this request");
                return found.undecided.push(self.finding(Guarantee::G4, &line.position, message));
            }
        };
        let message = format!("204 as a replay, but {because}");
        found.violations.push(self.finding(Guarantee::G4, &line.position, message));
    }

    /// A 409 has the end of the window that the latest notification closed.
    fn too_early(self, line: &Line, until: Millis, found: &mut Found) {
        // Rounded up, so at most this.
        let notified_at = until - HOUR - 1;
        let (claims, until) = (self.of_key.claims.values(), instant(until));
        let before = |claim: &&Claim| claim.written_by + self.skew < line.started;
        let latest = claims.clone().filter(before).max_by_key(|claim| claim.at);
        let is_open = notified_at + HOUR + 1 < line.started - self.skew;
        let explains =
            |claim: &Claim| (claim.at - self.skew..=claim.at + self.skew + ROUNDING).contains(&notified_at);
        let (findings, guarantee, message) = match latest {
            _ if is_open => (
                &mut found.violations,
                Guarantee::G3,
                format!("409 at {}, although the window was open from {until}", instant(line.started)),
            ),
            Some(latest) if notified_at < latest.at - self.skew => (
                &mut found.violations,
                Guarantee::G8,
                format!(
                    "409 until {until}: the notification's time went back, from {} (line {})",
                    instant(latest.at),
                    latest.position
                ),
            ),
            _ if !claims.clone().any(explains) && self.history.from < notified_at - self.skew - ROUNDING => (
                &mut found.undecided,
                Guarantee::G3,
                format!("409 until {until}: the log has no claim an hour before"),
            ),
            _ => return,
        };
        findings.push(self.finding(guarantee, &line.position, message));
    }
}

/// Whether both have one correlation id and, as far as it is known, one caller.
fn is_same_request(a: &Accepted, b: &Accepted) -> bool {
    let same_caller = a.caller.as_ref().zip(b.caller.as_ref()).is_none_or(|(a, b)| a == b);
    a.correlation_id == b.correlation_id && same_caller
}
