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
    item::{Outcome, Retry},
    update::{Update, Updated},
};
use crate::key::{EpochMillis, KeyCrn, ServiceName};

/// Services settled in one write: DynamoDB takes expressions of up to 4 KB.
const SERVICES_AT_ONCE: usize = 32;

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
        let settled_one_by_one: Vec<_> = settled.iter().collect();
        let mut parts: Vec<_> = settled_one_by_one.chunks(SERVICES_AT_ONCE).collect();
        // The last write tells when the item is due: until then it is when our lease runs out.
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            if !self.confirm_part(notification, Effect::of(part)?).await? {
                return Ok(false);
            }
        }
        let mut effect = Effect::of(last)?;
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

/// The update expression for a number of services, which stand in it as `#s0`, `#s1`, …: a service's
/// name cannot.
#[derive(Default)]
struct Effect {
    set: Vec<String>,
    remove: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Effect {
    fn of(settled: &[(&ServiceName, &Settlement)]) -> Result<Self, LedgerError> {
        let mut effect = Self::default();
        for (service, Settlement { outcome, retry }) in settled {
            let outcome = outcome.as_ref().map(document).transpose()?;
            effect.settle(service, outcome, retry.as_ref().map(document).transpose()?);
        }
        Ok(effect)
    }

    fn settle(
        &mut self,
        service: &ServiceName,
        outcome: Option<AttributeValue>,
        retry: Option<AttributeValue>,
    ) {
        let n = self.names.len();
        self.names.push((format!("#s{n}"), service.to_string()));
        if let Some(outcome) = outcome {
            self.set.push(format!("#outcome.#s{n} = :o{n}"));
            self.values.push((format!(":o{n}"), outcome));
        }
        if let Some(retry) = retry {
            self.set.push(format!("#retries.#s{n} = :r{n}"));
            self.values.push((format!(":r{n}"), retry));
        } else {
            self.remove.extend([format!("#pending.#s{n}"), format!("#retries.#s{n}")]);
        }
    }

    /// The next try, or none at all: without `due_at` the item leaves the index of due items.
    fn due(&mut self, next_at: Option<EpochMillis>) {
        if let Some(next_at) = next_at {
            self.set.push("#due_at = :due_at".to_owned());
            self.values.push((":due_at".to_owned(), number(next_at.get())));
        } else {
            self.remove.extend(["#due_at".to_owned(), "#due_shard".to_owned()]);
        }
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
}
