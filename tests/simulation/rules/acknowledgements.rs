//! Rules for who may acknowledge, who must, and when that is checked.

use super::{DEADLINE, GRACE, SECOND, write::Write};
use crate::{item::Item, key::Claim};

impl Write<'_> {
    /// A service acknowledges what it was to be notified of, and not before that.
    pub(super) fn new_acknowledgements(&mut self) {
        let (before, after) = (self.before, self.after);
        for (service, stored) in &after.acknowledged {
            if before.acknowledged.get(service) == Some(stored) {
                continue;
            }
            let claims = &self.state.keys[self.key].claims;
            let claim = claims.iter().find(|claim| claim.sequence == stored.sequence);
            let is_notified = claim.is_some_and(|claim| claim.services.contains(service));
            self.must(is_notified, "G9", &format!("{service} acknowledged, and was not to be notified"));
            let is_last = stored.sequence == after.sequence;
            // Its time may be in whole seconds.
            let is_early = after.notified_at.is_some_and(|at| stored.counted.at + SECOND <= at);
            self.must(!is_last || !is_early, "G9", &format!("{service} acknowledged before it was notified"));
        }
    }

    /// A later confirmation than the first one adds no service that must acknowledge, once the
    /// deadline is over.
    pub(super) fn later_deadlines(&mut self, claim: &Claim) {
        let is_over = self.now > claim.at + DEADLINE + self.skew;
        let owes = |item: &Item, service: &String| item.owed().any(|(of, _)| of == service);
        let added = self.after.owed().any(|(service, _)| !owes(self.before, service));
        let is_late = claim.is_confirmed && is_over && added;
        self.must(!is_late, "G9", "a service must acknowledge only since the deadline is over");
    }

    /// What waits for a check only is not due before the deadline and the grace are over.
    pub(super) fn early_check(&mut self) {
        let after = self.after;
        let Some(earliest) = after.owed().map(|(_, notified)| notified.at).min() else { return };
        let is_over = after.due_at.is_none_or(|due_at| due_at > earliest + DEADLINE + GRACE);
        self.must(is_over || !after.pending.is_empty(), "G9", "the check of a deadline is due too early");
    }
}
