//! The confirmation: what was settled leaves the outbox, the rest gets its next try.
//!
//! Only while the lease is still ours, and this is still the key's last notification (G5). A redelivery
//! that took it up because we were late has a lease of its own, and a newer notification has an outbox of
//! its own: a late confirmation must not touch what they know better. At worst a service hears a
//! notification twice.
//!
//! The claim is asked for beside the lease because a request for a lease can reach DynamoDB late, after its
//! repetition was answered, and then win back the lease of a newer notification (found by the model).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, number, string},
    item::{KeyRecord, Outcome, Retry},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, KeyCrn, ServiceName};

/// Outcomes written at once: DynamoDB takes expressions of up to 4 KB, and moto fewer parts.
const OUTCOMES_AT_ONCE: usize = 32;

const IT_IS_OURS_TO_SETTLE: &str = "#lease = :lease AND #claim = :claim";

/// What became of a service's callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// To be remembered as the last result; `None` where the service was not called at all.
    pub outcome: Option<Outcome>,
    /// The next try; `None` where nothing is left to do.
    pub retry: Option<Retry>,
}

/// What became of a notification, service by service.
pub type Settled = BTreeMap<ServiceName, Settlement>;

impl Ledger {
    /// Writes down what became of `notification`. False where somebody else has taken it up, or a newer
    /// notification has taken its place: then there is nothing to learn from this one.
    pub async fn confirm(&self, notification: &Notification, settled: &Settled) -> Result<bool, LedgerError> {
        let outcomes = settled.iter().filter_map(|(service, it)| Some((service, it.outcome.as_ref()?)));
        let outcomes: Vec<_> = outcomes.collect();
        let mut parts: Vec<_> = outcomes.chunks(OUTCOMES_AT_ONCE).collect();
        // The last write empties the outbox: until then all of it is due when our lease runs out.
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            if !self.confirm_part(notification, Effect::of(part)?).await? {
                return Ok(false);
            }
        }
        let mut effect = Effect::of(last)?;
        effect.settle_outbox(notification, settled)?;
        effect.due(next_due(notification, settled));
        self.confirm_part(notification, effect).await
    }

    async fn confirm_part(
        &self,
        notification: &Notification,
        mut effect: Effect,
    ) -> Result<bool, LedgerError> {
        effect.values.push((":lease".to_owned(), string(notification.lease)));
        effect.values.push((":claim".to_owned(), string(notification.claim)));

        let KeyCrn { instance, key } = &notification.key.crn;
        let update = Update {
            condition: IT_IS_OURS_TO_SETTLE,
            effect: &effect.expression(),
            names: effect.names,
            values: effect.values,
            is_read: false,
        };
        Ok(matches!(self.update(instance.instance, *key, update).await?, Updated::Written(_)))
    }
}

/// The earliest next try of all that stays in the outbox, also of what was not due this time.
fn next_due(notification: &Notification, settled: &Settled) -> Option<EpochMillis> {
    let next = |service: &ServiceName| match settled.get(service) {
        Some(settlement) => settlement.retry.as_ref().map(|retry| retry.next_at),
        // Not looked at this time. Nothing that is pending may ever be left without a time.
        None => {
            Some(notification.key.retries.get(service).map_or(EpochMillis::new(0), |retry| retry.next_at))
        }
    };
    notification.key.pending.keys().filter_map(next).min()
}

/// The update expression. Services stand in it as `#s0`, `#s1`, …: a service's name cannot.
#[derive(Default)]
struct Effect {
    set: Vec<String>,
    remove: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Effect {
    fn of(outcomes: &[(&ServiceName, &Outcome)]) -> Result<Self, LedgerError> {
        let mut effect = Self::default();
        for (n, (service, outcome)) in outcomes.iter().enumerate() {
            effect.names.push((format!("#s{n}"), service.to_string()));
            effect.set(&format!("#outcome.#s{n}"), &format!(":o{n}"), document(outcome)?);
        }
        Ok(effect)
    }

    /// What stays in the outbox, as a whole. Nobody else writes it while the condition holds, and some engines keep
    /// one map for `pending` and `services` after the claim: `REMOVE #pending.#s0` would take it from both.
    fn settle_outbox(&mut self, notification: &Notification, settled: &Settled) -> Result<(), LedgerError> {
        let KeyRecord { pending, retries, .. } = &notification.key;
        let stays = |service: &ServiceName| settled.get(service).is_none_or(|it| it.retry.is_some());
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

    /// The next try, or none at all: without `due_at` the item leaves the index of due items.
    fn due(&mut self, next_at: Option<EpochMillis>) {
        if let Some(next_at) = next_at {
            self.set("#due_at", ":due_at", number(next_at.get()));
        } else {
            self.remove.extend(["#due_at".to_owned(), "#due_shard".to_owned()]);
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
mod tests {
    use super::*;
    use crate::ledger::item::tests::notification;

    #[test]
    fn what_was_not_due_keeps_its_place() {
        let notification = notification();
        let databases = notification.key.retries.values().next().unwrap().next_at;
        let storage: ServiceName = "cloud-object-storage".parse().unwrap();
        let settled = |retry| Settled::from([(storage.clone(), Settlement { outcome: None, retry })]);
        assert_eq!(next_due(&notification, &settled(None)), Some(databases));
        let sooner = EpochMillis::new(1);
        assert_eq!(
            next_due(&notification, &settled(Some(Retry { attempts: 1, next_at: sooner }))),
            Some(sooner)
        );
    }

    #[test]
    fn outbox_keeps_unsettled_services_alone() {
        let notification = notification();
        let [storage, databases] = ["cloud-object-storage", "databases-for-postgresql"]
            .map(|name| name.parse::<ServiceName>().unwrap());
        let kept = |settled: Settled| {
            let mut effect = Effect::default();
            effect.settle_outbox(&notification, &settled).unwrap();
            let services = |(name, value): (String, AttributeValue)| {
                let mut services: Vec<_> = value.as_m().unwrap().keys().cloned().collect();
                services.sort();
                (name, services.join(" "))
            };
            effect.values.into_iter().map(services).collect::<BTreeMap<_, _>>()
        };
        let outbox = |pending: &str, retries: &str| {
            BTreeMap::from(
                [(":pending", pending), (":retries", retries)].map(|(k, v)| (k.to_owned(), v.to_owned())),
            )
        };
        let delivered = || Settlement { outcome: None, retry: None };
        let failed =
            || Settlement { outcome: None, retry: Some(Retry { attempts: 1, next_at: EpochMillis::new(1) }) };
        let (both, one) = ("cloud-object-storage databases-for-postgresql", "databases-for-postgresql");
        assert_eq!(kept(Settled::from([(storage.clone(), delivered())])), outbox(one, one));
        assert_eq!(kept(Settled::from([(storage.clone(), failed())])), outbox(both, both));
        assert_eq!(kept(Settled::from([(storage, delivered()), (databases, delivered())])), outbox("", ""));
    }
}
