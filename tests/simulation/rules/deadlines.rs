//! Rules for deadlines (G9): a service that must acknowledge a notification does so in time, or is
//! reported.

use std::sync::Arc;

use super::{DEADLINE, GRACE, LEASE, write::Write};
use crate::{
    invocation::Invocation,
    item::{Deadline, Item, Notified},
    key::{Claim, Key, MadeAcknowledgement},
    plan::SERVICES,
    world::{Report, START, State},
};

/// A function reports that a service did not act on a notification.
pub(crate) fn finding(by: &Arc<Invocation>, event_id: &str, kind: &'static str) {
    let world = &by.world;
    let (now, skew) = (world.now(), world.plan.clock_difference());
    world.note(&format!("{by} reports {event_id} as {kind}"));
    let mut state = world.state();
    let mut claims = state.keys.iter().flat_map(|key| key.claims.iter().map(move |claim| (key, claim)));
    let of = claims.rfind(|(_, claim)| event_id.contains(&claim.id));
    let is_overdue = kind == "overdue";
    let is_early = is_overdue && of.is_none_or(|(_, claim)| now + skew <= claim.at + DEADLINE);
    let is_wrong = is_overdue && of.is_some_and(|(key, claim)| need_not_act(by, key, claim, event_id, skew));
    let is_known = of.is_some();
    let recorded = state.recorded_checks.get(event_id).copied();
    state.reports.push(Report { event_id: event_id.to_owned(), kind, at: now });
    drop(state);
    if !is_known {
        world.violated("G4", format!("a finding without a claim: {event_id}, by {by}"));
    }
    if is_early {
        world.violated("G9", format!("reported as overdue before the deadline: {event_id}, by {by}"));
    }
    if is_wrong {
        world.violated("G9", format!("reported as overdue, and it acted or need not: {event_id}, by {by}"));
    }
    // A run that began earlier reports what it read.
    if kind == "overdue" && recorded.is_some_and(|at| at < by.began) {
        world.violated("G9", format!("reported again after its check was recorded: {event_id}, by {by}"));
    }
}

/// Whether it was recorded before the invocation began that the service acted in time, or that its
/// last registration ended.
fn need_not_act(by: &Invocation, key: &Key, claim: &Claim, event_id: &str, skew: u64) -> bool {
    let Some(service) = SERVICES.iter().position(|name| event_id.ends_with(name)) else { return false };
    let is_before = |at: u64| at < by.began;
    // By every clock: at most four hours after the notification, and not before it.
    let in_time = claim.at + skew..=(claim.at + DEADLINE).saturating_sub(skew);
    // One with a time before its notification's, by any clock, is malformed.
    let is_valid = |made: &MadeAcknowledgement| {
        key.claims.iter().any(|of| of.sequence == made.sequence && of.at + skew <= made.at)
    };
    let acted = key.acknowledgements.iter().any(|made| {
        made.service == service
            && made.sequence >= claim.sequence
            && is_valid(made)
            && in_time.contains(&made.at)
            && made.processed.is_some_and(is_before)
    });
    acted || key.deregistered.get(SERVICES[service]).copied().is_some_and(is_before)
}

/// An acknowledgement was processed. A contradiction of the last notification is reported.
pub(super) fn acknowledged(by: &Arc<Invocation>, event: &str) {
    let now = by.world.now();
    let mut guard = by.world.state();
    let state = &mut *guard;
    let mut silent = None;
    for key in &mut state.keys {
        let Some(made) = key.acknowledgements.iter_mut().find(|made| made.event == event) else { continue };
        made.processed.get_or_insert(now);
        made.processed_last = Some(now);
        let made = made.clone();
        let (Some(item), Some(claim)) = (&key.items[by.replica()], key.claims.last()) else { continue };
        let is_newest = made.sequence == claim.sequence && claim.written < by.began;
        let is_early = item.notified_at.is_none_or(|notified_at| START + made.at < notified_at);
        let is_corrected = key.acknowledgements.iter().any(|other| {
            let of_same =
                other.resource == made.resource || other.resource.is_none() || made.resource.is_none();
            other.event != made.event
                && (other.service, other.sequence) == (made.service, made.sequence)
                && other.at >= made.at
                && of_same
        });
        let contradicts = made.is_disabled == (item.state == 1);
        if is_newest && contradicts && !is_early && !is_corrected {
            silent = Some(event_id(key, &claim.id, SERVICES[made.service]));
        }
    }
    let silent = silent.filter(|event_id| !reported(state, event_id, "conflicting"));
    drop(guard);
    if let Some(event_id) = silent {
        by.world
            .violated("G9", format!("a contradiction was processed and not reported: {event_id}, by {by}"));
    }
}

impl Write<'_> {
    /// A confirmation removes what must be acknowledged only for a reason.
    pub(super) fn deadlines(&mut self) {
        let (before, after) = (self.before, self.after);
        for (service, notified) in before.owed() {
            // Of two notifications, the older one counts.
            if before.owed().any(|(of, older)| of == service && older.sequence < notified.sequence) {
                continue;
            }
            let kept = after.owed().any(|(of, kept)| of == service && kept.sequence <= notified.sequence);
            if kept || !after.services.contains_key(service) {
                continue;
            }
            let key = &self.state.keys[self.key];
            // Its last registration may have ended before the check, and another one begun since.
            if key.claims.iter().any(|claim| claim.id == notified.claim && claim.excused.contains(service)) {
                continue;
            }
            let is_over = self.now + self.skew + START > notified.at + DEADLINE;
            let event_id = event_id(key, &notified.claim, service);
            let settled = acted(self.state, key, service, notified, self.skew);
            self.must(settled, "G9", &format!("{service} did not act, and no finding reports it"));
            if is_over {
                self.state.recorded_checks.entry(event_id).or_insert(self.now);
            }
        }
        let Some(earliest) = after.owed().map(|(_, notified)| notified.at).min() else { return };
        let check_at = (earliest + DEADLINE + GRACE + 1).max(START + self.now + self.skew + LEASE);
        let is_due = after.due_at.is_some_and(|due_at| due_at <= check_at);
        self.must(is_due, "G9", "the check of a deadline is due too late");
    }

    /// A contradiction is reported before it is recorded.
    pub(super) fn acknowledgements(&mut self) {
        let (before, after) = (self.before, self.after);
        for (service, stored) in &after.acknowledged {
            let is_new = before.acknowledged.get(service) != Some(stored);
            let contradicts = (stored.counted.key_state == "DISABLED") == (after.state == 1);
            if !is_new || !contradicts || stored.sequence != after.sequence {
                continue;
            }
            let claim = after.claim.as_deref().unwrap_or_default();
            let event_id = event_id(&self.state.keys[self.key], claim, service);
            let is_reported = reported(self.state, &event_id, "conflicting");
            self.must(is_reported, "G9", &format!("{service} contradicts, and no finding reports it"));
        }
    }

    /// A contradiction counts until the same resource has corrected it.
    pub(super) fn contradictions(&mut self) {
        let (before, after) = (self.before, self.after);
        let contradicts = |word: &str| (word == "DISABLED") == (after.state == 1);
        for (service, new) in &after.acknowledged {
            let Some(old) = before.acknowledged.get(service) else { continue };
            let is_gone = contradicts(&old.counted.key_state) && !contradicts(&new.counted.key_state);
            if !is_gone || old.sequence != new.sequence {
                continue;
            }
            let (one, other) = (&old.counted.resource, &new.counted.resource);
            let is_corrected = one == other || one.is_none() || other.is_none();
            self.must(is_corrected, "G9", &format!("another resource hides a contradiction of {service}"));
        }
    }

    /// A service without registrations need not acknowledge.
    pub(super) fn registrations(&mut self) {
        let (before, after) = (self.before, self.after);
        for service in before.services.keys().filter(|service| !after.services.contains_key(*service)) {
            for claim in &mut self.state.keys[self.key].claims {
                claim.excused.insert(service.clone());
            }
        }
        let deregistered = &mut self.state.keys[self.key].deregistered;
        deregistered.retain(|service, _| !after.services.contains_key(service));
        for service in before.services.keys().filter(|service| !after.services.contains_key(*service)) {
            deregistered.insert(service.clone(), self.now);
        }
    }
}

/// The event of a notification to a service.
pub(crate) fn event_id(key: &Key, claim: &str, service: &str) -> String {
    format!("{}_{claim}_{service}", key.crn.key)
}

/// Whether a finding of this kind was reported.
pub(super) fn reported(state: &State, event_id: &str, kind: &str) -> bool {
    state.reports.iter().any(|report| report.event_id == event_id && report.kind == kind)
}

/// Whether the service acted on the notification, or on a newer one, in time; or was reported.
pub(super) fn acted(state: &State, key: &Key, service: &str, notified: &Notified, skew: u64) -> bool {
    let in_time = (notified.at + DEADLINE + skew).saturating_sub(START);
    let acknowledged = key.acknowledgements.iter().any(|made| {
        SERVICES[made.service] == service && made.sequence >= notified.sequence && made.at <= in_time
    });
    acknowledged || reported(state, &event_id(key, &notified.claim, service), "overdue")
}

/// Whether the check of a notification is recorded and was not before.
pub(super) fn newly_checked<'a>(before: &Item, after: &'a Item) -> Option<&'a Deadline> {
    let was_checked = |of: &Deadline| {
        let before = before.deadline.as_ref();
        before.is_some_and(|before| before.notification == of.notification && before.checked)
    };
    after.deadline.as_ref().filter(|deadline| deadline.checked && !was_checked(deadline))
}
