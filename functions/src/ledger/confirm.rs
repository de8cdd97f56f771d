//! The confirmation: what was settled leaves the outbox, the rest gets its next try.
//!
//! Only while the claim is still ours (G5): a newer notification has an outbox of its own, which a late
//! confirmation must not touch.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, number, string},
    item::{Outcome, Retry},
    update::{Update, Updated},
};
use crate::key::{EpochMillis, KeyCrn, ServiceName};

const CLAIM_IS_OURS: &str = "#claim = :claim";

/// What became of a service's callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// To be remembered as the last result.
    pub outcome: Outcome,
    /// When to try again; `None` where nothing is left to do.
    pub next_at: Option<EpochMillis>,
}

/// What became of a notification, service by service.
pub type Settled = BTreeMap<ServiceName, Settlement>;

impl Ledger {
    /// Writes down what became of `notification`. False where a newer notification has taken its place,
    /// which has nothing to learn from this one.
    pub async fn confirm(&self, notification: &Notification, settled: &Settled) -> Result<bool, LedgerError> {
        let mut effect = Effect::default();
        for (service, Settlement { outcome, next_at }) in settled {
            let attempts = outcome.attempts;
            let retry = next_at.map(|next_at| Retry { attempts, next_at }).map(document).transpose()?;
            effect.settle(service, document(outcome)?, retry);
        }
        effect.due(settled.values().filter_map(|settlement| settlement.next_at).min());
        effect.values.push((":claim".to_owned(), string(notification.claim)));

        let KeyCrn { instance, key } = &notification.key.crn;
        let update = Update {
            condition: CLAIM_IS_OURS,
            effect: &effect.expression(),
            names: effect.names,
            values: effect.values,
        };
        Ok(matches!(self.update(instance.instance, *key, update).await?, Updated::Written(_)))
    }
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
    fn settle(&mut self, service: &ServiceName, outcome: AttributeValue, retry: Option<AttributeValue>) {
        let n = self.names.len();
        self.names.push((format!("#s{n}"), service.to_string()));
        self.set.push(format!("#outcome.#s{n} = :o{n}"));
        self.values.push((format!(":o{n}"), outcome));
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
