//! Claims: one winner of each window, and one claimant of each claim.

use keysync::domain::window::WINDOW;

use super::{Finding, Found, Guarantee, Rules, instant, seconds};
use crate::log_check::{
    Millis,
    history::{Claim, Origin},
};

/// The length of the window.
#[expect(clippy::cast_possible_truncation, reason = "an hour")]
pub(super) const HOUR: Millis = WINDOW.as_millis() as Millis;

impl Rules<'_> {
    /// No sync claims while the window is closed, and no claim is made twice.
    pub(super) fn window(self, found: &mut Found) {
        let mut claims: Vec<(&String, &Claim)> = self.of_key.claims.iter().collect();
        claims.sort_by_key(|(_, claim)| claim.at);
        for (index, (id, claim)) in claims.iter().enumerate() {
            found.violations.extend(self.claimed_twice(id, claim));
            let Some(sync) = claim.origins.iter().find(|origin| origin.sync.is_some()) else { continue };
            let earlier = claims[..index].iter().rev().map(|(_, earlier)| *earlier);
            let mut within = earlier.take_while(|earlier| claim.at - earlier.at <= HOUR - self.skew);
            if let Some(by) = within.find(|earlier| self.closes(earlier, claim)) {
                let (what, position) = match by.origins.first() {
                    Some(Origin { sync: Some(_), position }) => ("another sync", position),
                    Some(Origin { sync: None, position }) => ("a lifecycle action", position),
                    None => ("another notification", &by.position),
                };
                let (at, after) = (instant(claim.at), seconds(claim.at - by.at));
                let message = format!(
                    "204 at {at}, although the window was closed: {what} claimed {after} earlier (line {position})"
                );
                found.violations.push(self.finding(Guarantee::G1, &sync.position, message));
            }
        }
    }

    /// Whether `earlier` certainly closed the window for `claim`. Of two syncs, each does for the
    /// other one. An action that read its clock earlier may be written later.
    fn closes(self, earlier: &Claim, claim: &Claim) -> bool {
        earlier.syncs().next().is_some() || earlier.written_by + self.skew < claim.at
    }

    /// The second claimant of a claim. The audit event of a sync repeats its log line.
    fn claimed_twice(self, id: &str, claim: &Claim) -> Option<Finding> {
        [false, true].into_iter().find_map(|audit| {
            let is_audit = |origin: &Origin| origin.sync.as_ref().is_some_and(|sync| sync.is_audit);
            let mut origins = claim.origins.iter().filter(|origin| is_audit(origin) == audit);
            let (first, second) = (origins.next()?, origins.next()?);
            let message = format!("claim {id} has two claimants (the other one: line {})", first.position);
            Some(self.finding(Guarantee::G1, &second.position, message))
        })
    }
}
