//! The confirmation: removes settled services from the outbox and schedules the next attempt of
//! the others.
//!
//! It is conditioned on two fencing tokens, the lease id and the claim id (guarantee G5). If this
//! process was late, a run of `redeliver` may have leased the notification, or a newer notification
//! may have replaced it; a late confirmation must not overwrite their state. At worst, a service
//! receives a notification twice.
//!
//! The lease id alone is not enough: a delayed lease request can reach DynamoDB after its
//! repetition succeeded, and then overwrite the lease of a newer notification
//! (`docs/explanation/model.md`). Neither shows that an operator has replayed the notification
//! meanwhile, so a confirmation is conditioned on that, too.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Deadline, Ledger, LedgerError, Notification,
    expression::{document, number, string},
    item::{KeyRecord, Outcome, Retry, deadline_shard},
    update::{ReturnItem, Update, UpdatedKey},
};
use crate::domain::{EpochMillis, KeyCrn, ServiceName};

/// Outcomes per write: DynamoDB accepts expressions of at most 4 KB, and moto fewer operands
/// (`docs/reference/limits.md#outcomes`).
const OUTCOMES_PER_WRITE: usize = 32;

/// No other process has leased the notification, and no newer one has replaced it.
const IS_OWNED: &str = "#lease = :lease AND #claim = :claim";

/// The result of the callback to one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The outcome to store; `None` if no attempt was made.
    pub outcome: Option<Outcome>,
    /// The next attempt; `None` if the service is settled.
    pub retry: Option<Retry>,
}

/// The results of a delivery, by service.
pub type Settled = BTreeMap<ServiceName, Settlement>;

/// The result of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The results were recorded.
    Recorded,
    /// A newer notification replaced this one, or another process holds the lease. Nothing was
    /// written.
    Superseded,
}

/// No operator has replayed the notification since this process read it: a replay adds services to
/// the outbox, which the confirmation would overwrite (`ledger/replay.rs`).
const IS_NOT_REPLAYED: &str = "attribute_not_exists(#replay)";
/// The same for a notification that was replayed before.
const IS_NOT_REPLAYED_AGAIN: &str = "#replay.#at = :replayed_at";

impl Ledger {
    /// Records the results of a delivery of `notification` and its deadline, in one write for each
    /// 32 outcomes.
    pub async fn confirm(
        &self,
        notification: &Notification,
        settled: &Settled,
        deadline: Option<&Deadline>,
    ) -> Result<Confirmed, LedgerError> {
        let outcomes: Vec<_> = settled
            .iter()
            .filter_map(|(service, settlement)| Some((service, settlement.outcome.as_ref()?)))
            .collect();
        let mut parts: Vec<_> = outcomes.chunks(OUTCOMES_PER_WRITE).collect();
        // Only the last write changes the outbox. Until then, all of it is due when the lease ends.
        // The deadline is in each: an item with outcomes counts as confirmed (`deadline.rs`).
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let mut effect = Effect::with_outcomes(part)?;
            effect.update_deadline(notification, deadline)?;
            if self.confirm_part(notification, effect).await? == Confirmed::Superseded {
                return Ok(Confirmed::Superseded);
            }
        }
        let mut effect = Effect::with_outcomes(last)?;
        effect.update_outbox(notification, settled)?;
        effect.update_deadline(notification, deadline)?;
        effect.forget_acknowledgements(notification);
        let check_at = deadline.and_then(Deadline::check_at);
        effect.schedule(notification, next_attempt(notification, settled), check_at);
        self.confirm_part(notification, effect).await
    }

    async fn confirm_part(
        &self,
        notification: &Notification,
        mut effect: Effect,
    ) -> Result<Confirmed, LedgerError> {
        effect.values.push((":lease".to_owned(), string(notification.lease)));
        effect.values.push((":claim".to_owned(), string(notification.claim)));
        let not_replayed = match &notification.key.replay {
            None => IS_NOT_REPLAYED,
            Some(replay) => {
                effect.values.push((":replayed_at".to_owned(), number(replay.at.get())));
                IS_NOT_REPLAYED_AGAIN
            }
        };

        let KeyCrn { instance, key } = &notification.key.crn;
        let update = Update {
            condition: &format!("{IS_OWNED} AND {not_replayed}"),
            effect: &effect.expression(),
            names: effect.names,
            values: effect.values.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            returns: ReturnItem::Never,
        };
        Ok(match self.update_key(instance.instance, *key, update).await? {
            UpdatedKey::Written(_) => Confirmed::Recorded,
            UpdatedKey::ConditionFailed(_) => Confirmed::Superseded,
        })
    }
}

/// The earliest next attempt of all services that stay in the outbox, including those that were not
/// due this time.
fn next_attempt(notification: &Notification, settled: &Settled) -> Option<EpochMillis> {
    let next = |service: &ServiceName| match settled.get(service) {
        Some(settlement) => settlement.retry.as_ref().map(|retry| retry.next_at),
        // Not due this time. A pending service must always have a due time.
        None => {
            Some(notification.key.retries.get(service).map_or(EpochMillis::new(0), |retry| retry.next_at))
        }
    };
    notification.key.pending.keys().filter_map(next).min()
}

/// An update expression. Services appear as `#s0`, `#s1`, …, because a service name is not a valid
/// placeholder.
#[derive(Default)]
struct Effect {
    set: Vec<String>,
    remove: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Effect {
    fn with_outcomes(outcomes: &[(&ServiceName, &Outcome)]) -> Result<Self, LedgerError> {
        let mut effect = Self::default();
        for (n, (service, outcome)) in outcomes.iter().enumerate() {
            effect.names.push((format!("#s{n}"), service.to_string()));
            effect.set(&format!("#outcome.#s{n}"), &format!(":o{n}"), document(outcome)?);
        }
        Ok(effect)
    }

    /// Sets the rest of the outbox as a whole. No other process writes it while the condition
    /// holds. `REMOVE #pending.#s0` does not work on moto, which shares one map between `pending`
    /// and `services` after the claim and would remove the service from both.
    fn update_outbox(&mut self, notification: &Notification, settled: &Settled) -> Result<(), LedgerError> {
        let KeyRecord { pending, retries, .. } = &notification.key;
        let stays =
            |service: &ServiceName| settled.get(service).is_none_or(|settlement| settlement.retry.is_some());
        let pending: BTreeMap<_, _> = pending.iter().filter(|(service, _)| stays(service)).collect();
        let retry = |service: &ServiceName| match settled.get(service) {
            Some(settlement) => settlement.retry.as_ref(),
            None => retries.get(service),
        };
        let retries: BTreeMap<_, _> =
            pending.keys().filter_map(|service| Some((service, retry(service)?))).collect();
        self.set("#pending", ":pending", document(&pending)?);
        self.set("#retries", ":retries", document(&retries)?);
        Ok(())
    }

    /// Stores the deadline, if it differs from the stored one.
    fn update_deadline(
        &mut self,
        notification: &Notification,
        deadline: Option<&Deadline>,
    ) -> Result<(), LedgerError> {
        match deadline {
            deadline if deadline == notification.key.deadline.as_ref() => {}
            Some(deadline) => self.set("#deadline", ":deadline", document(deadline)?),
            None => self.remove.push("#deadline".to_owned()),
        }
        Ok(())
    }

    /// Removes acknowledgements by services that the notification was not sent to, for example
    /// because they have no registrations any more. No further one is accepted from them, so none
    /// is lost.
    fn forget_acknowledgements(&mut self, notification: &Notification) {
        let KeyRecord { pending, outcome, acknowledged, .. } = &notification.key;
        let forgotten = acknowledged
            .keys()
            .filter(|service| !pending.contains_key(*service) && !outcome.contains_key(*service));
        for (n, service) in forgotten.take(OUTCOMES_PER_WRITE).enumerate() {
            self.names.push((format!("#a{n}"), service.to_string()));
            self.remove.push(format!("#acknowledged.#a{n}"));
        }
    }

    /// Sets the due time: the earlier one of the next attempt and the check of the deadline. Moves
    /// the item to the shards of deadlines if no service is pending, and removes it from the due
    /// index if there is nothing to check either.
    fn schedule(
        &mut self,
        notification: &Notification,
        next_attempt: Option<EpochMillis>,
        check_at: Option<EpochMillis>,
    ) {
        let Some(due_at) = next_attempt.into_iter().chain(check_at).min() else {
            self.remove.extend(["#due_at".to_owned(), "#due_shard".to_owned()]);
            return;
        };
        self.set("#due_at", ":due_at", number(due_at.get()));
        if next_attempt.is_none() {
            self.set("#due_shard", ":due_shard", number(deadline_shard(notification.key.crn.key)));
        }
    }

    fn set(&mut self, path: &str, placeholder: &str, value: AttributeValue) {
        self.set.push(format!("{path} = {placeholder}"));
        self.values.push((placeholder.to_owned(), value));
    }

    fn expression(&self) -> String {
        let clause = |verb: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{verb} {} ", parts.join(", ")),
        };
        clause("SET", &self.set) + &clause("REMOVE", &self.remove)
    }
}

#[cfg(test)]
mod tests;
