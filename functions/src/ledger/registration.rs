//! Registrations: which services are associated with a key, and how many resources each has under it.
//!
//! A registration is an item of its own beside the key's, and is counted under its service on the key's
//! item, both or neither. Events about it may come late, twice or out of order, so its item remembers the
//! instant of the last one, also after it was deleted (for as long as events can be late).
//!
//! | attribute | meaning |
//! | --- | --- |
//! | `pk`, `sk` | those of the key's items, `registration#<resource CRN>` |
//! | `registered` | whether it stands |
//! | `changed_at` | epoch ms of the last event about it |
//! | `crn` | the key's CRN in that event |
//! | `expires_at` | epoch **s**: when DynamoDB may forget that it was deleted |

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem, Update},
};
use futures_util::future::try_join;
use serde::Deserialize;

use super::{
    Ledger, LedgerError,
    expression::{names, number, string},
    item::{Item, KEY_ITEM, has_crn, key_pk},
    purge::TOMBSTONE_TTL,
};
use crate::domain::{EpochMillis, KeyCrn, ResourceCrn, ServiceName};

/// What the sort keys of registrations start with; the resource's CRN follows.
pub const REGISTRATION: &str = "registration#";

/// How many services a key has registrations of at the most. Each is told of every notification of the key, and
/// each is an entry in four maps of its item, which DynamoDB takes up to 400 KB of.
pub const MAX_SERVICES: usize = 128;

/// How often a change is tried that others change under us.
const TRIES: u32 = 4;

const IS_AS_READ: &str = "#changed_at = :read_at";
const IS_NOT_THERE: &str = "attribute_not_exists(#changed_at)";
const STANDS: &str =
    "SET #registered = :registered, #changed_at = :changed_at, #crn = :crn REMOVE #expires_at";
const GONE: &str =
    "SET #registered = :registered, #changed_at = :changed_at, #crn = :crn, #expires_at = :expires_at";

/// The key is known, and is the one that is stored: of the same account, service and region.
const KEY_IS_KNOWN: &str = "#crn = :crn";
/// The service is one that the key has, or there is room for one more.
const HAS_ROOM: &str = "(attribute_exists(#services.#service) OR size(#services) < :most)";
const ONE_MORE: &str = "SET #services.#service = if_not_exists(#services.#service, :zero) + :one";
const IS_NOT_THE_LAST: &str = "#crn = :crn AND #services.#service > :one";
const ONE_LESS: &str = "SET #services.#service = #services.#service - :one";
const IS_THE_LAST: &str = "#crn = :crn AND #services.#service = :one";
const NONE_LEFT: &str = "REMOVE #services.#service";

/// A resource was registered with a key, or is no longer.
#[derive(Clone, Debug)]
pub struct RegistrationChange {
    /// The key.
    pub key: KeyCrn,
    /// The resource.
    pub resource: ResourceCrn,
    /// Whether it is registered from now on.
    pub registered: bool,
    /// When that came to be.
    pub at: EpochMillis,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is counted.
    News,
    /// This event or a later one was known. Nothing was written.
    Stale,
    /// Nothing is known of such a key.
    UnknownKey,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
    /// The key has registrations of [`MAX_SERVICES`] other services. Nothing was written.
    TooManyServices,
}

/// The registration's item, as far as it matters here.
#[derive(Default, Deserialize)]
struct Circuit {
    #[serde(default)]
    registered: bool,
    changed_at: Option<EpochMillis>,
    crn: Option<KeyCrn>,
}

impl Circuit {
    /// Whether this or a later event is known. One about another account's key, which came when no key was known,
    /// is not.
    fn has_seen(&self, change: &RegistrationChange) -> bool {
        self.crn.as_ref().is_none_or(|crn| *crn == change.key)
            && self.changed_at.is_some_and(|changed_at| changed_at >= change.at)
    }
}

impl Ledger {
    /// Counts a registration in or out.
    pub async fn count(&self, change: &RegistrationChange) -> Result<Counted, LedgerError> {
        for _ in 0..TRIES {
            let (known, key) = self.known(change).await?;
            if key.as_ref().is_some_and(|key| !has_crn(key, &change.key)) {
                return Ok(Counted::CrnMismatch);
            }
            let registered = key.as_ref().and_then(|key| count(key, change.resource.service()));
            if known.has_seen(change) {
                return Ok(Counted::Stale);
            }
            let mut both = vec![self.remember(change, &known)?];
            match registered {
                // Nothing is known of the key, or no longer: there is no count to take it from.
                None if !change.registered => {}
                _ if known.registered == change.registered => {}
                None if key.as_ref().is_some_and(is_full) => return Ok(Counted::TooManyServices),
                count => both.push(self.recount(change, count.unwrap_or_default())?),
            }
            match self.client.transact_write_items().set_transact_items(Some(both)).send().await {
                Ok(_) => return Ok(Counted::News),
                Err(error) => match cancelled(&error) {
                    None => return Err(error.into()),
                    Some(reasons) if change.registered && key.is_none() && key_refused(&reasons) => {
                        return Ok(Counted::UnknownKey);
                    }
                    Some(reasons) => has_changed(&reasons)?, // and is read again
                },
            }
        }
        Err(LedgerError::Unavailable("the registration is changing too fast".to_owned()))
    }

    /// What is known of the registration, and the key's item.
    async fn known(&self, change: &RegistrationChange) -> Result<(Circuit, Option<Item>), LedgerError> {
        let sk = registration_sk(&change.resource);
        let (registration, key) =
            try_join(self.read(&change.key, &sk), self.read(&change.key, KEY_ITEM)).await?;
        let known = match registration {
            Some(item) => serde_dynamo::from_item(item)
                .map_err(|error| LedgerError::Defect(format!("unreadable registration: {error}")))?,
            None => Circuit::default(),
        };
        Ok((known, key))
    }

    async fn read(&self, key: &KeyCrn, sk: &str) -> Result<Option<Item>, LedgerError> {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        Ok(read.set_key(Some(item_key(key, sk))).send().await?.item)
    }

    fn remember(
        &self,
        change: &RegistrationChange,
        known: &Circuit,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut values = vec![
            (":registered", AttributeValue::Bool(change.registered)),
            (":changed_at", number(change.at.get())),
            (":crn", string(&change.key)),
        ];
        let condition = match known.changed_at {
            Some(read_at) => {
                values.push((":read_at", number(read_at.get())));
                IS_AS_READ
            }
            None => IS_NOT_THERE,
        };
        let effect = if change.registered {
            STANDS
        } else {
            values.push((":expires_at", number(change.at.plus(TOMBSTONE_TTL).secs())));
            GONE
        };
        self.write(change, &registration_sk(&change.resource), condition, effect, values)
    }

    fn recount(&self, change: &RegistrationChange, count: u64) -> Result<TransactWriteItem, LedgerError> {
        let mut values = vec![(":crn", string(&change.key)), (":one", number(1))];
        let (condition, effect) = match (change.registered, count) {
            (true, _) => {
                values.extend([(":zero", number(0)), (":most", number(MAX_SERVICES))]);
                (format!("{KEY_IS_KNOWN} AND {HAS_ROOM}"), ONE_MORE)
            }
            (false, 0 | 1) => (IS_THE_LAST.to_owned(), NONE_LEFT),
            (false, _) => (IS_NOT_THE_LAST.to_owned(), ONE_LESS),
        };
        self.write(change, KEY_ITEM, &condition, effect, values)
    }

    fn write(
        &self,
        change: &RegistrationChange,
        sk: &str,
        condition: &str,
        effect: &str,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut names = names(&[condition, effect]);
        if let Some(service) = names.get_mut("#service") {
            *service = change.resource.service().to_string();
        }
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(&change.key, sk)))
            .condition_expression(condition)
            .update_expression(effect)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(|error| LedgerError::Defect(error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The number of the key's registrations for `service`; `None` where it has none.
fn count(key: &Item, service: &ServiceName) -> Option<u64> {
    key.get("services")?.as_m().ok()?.get(&service.to_string())?.as_n().ok()?.parse().ok()
}

/// The sort key of a resource's registration.
#[must_use]
pub fn registration_sk(resource: &ResourceCrn) -> String {
    format!("{REGISTRATION}{resource}")
}

/// Whether the key has as many services as it may.
fn is_full(key: &Item) -> bool {
    key.get("services").and_then(|services| services.as_m().ok()).is_some_and(|it| it.len() >= MAX_SERVICES)
}

fn item_key(key: &KeyCrn, sk: &str) -> Item {
    let pk = key_pk(key.instance.instance, key.key);
    Item::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))])
}

/// Why a transaction was cancelled, item by item; `None` where it failed otherwise.
fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<String>> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons();
            Some(reasons.iter().map(|reason| reason.code().unwrap_or("None").to_owned()).collect())
        }
        _ => None,
    }
}

/// A condition failed, because one of the items changed since it was read, or a conflict lasted longer than the attempts
/// at it (`conflict.rs`), as where many resources are registered with one key at once. Any other reason is an error:
/// throttling, or a wrong request.
fn has_changed(reasons: &[String]) -> Result<(), LedgerError> {
    let is = |wanted: &[&str]| reasons.iter().any(|reason| wanted.contains(&reason.as_str()));
    if is(&["ConditionalCheckFailed"]) {
        Ok(())
    } else if is(&["ProvisionedThroughputExceeded", "ThrottlingError"]) {
        Err(LedgerError::Throttled)
    } else if is(&["TransactionConflict"]) {
        Ok(())
    } else {
        Err(LedgerError::Defect(format!("TransactionCanceledException: {}", reasons.join(", "))))
    }
}

/// The key's own condition failed, and the registration's did not.
fn key_refused(reasons: &[String]) -> bool {
    matches!(reasons, [registration, key] if registration == "None" && key == "ConditionalCheckFailed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_that_changed_meanwhile_is_not_refused_by_its_key() {
        let reasons = |codes: [&str; 2]| codes.map(str::to_owned).to_vec();
        assert!(key_refused(&reasons(["None", "ConditionalCheckFailed"])));
        for other in [["ConditionalCheckFailed", "ConditionalCheckFailed"], ["None", "TransactionConflict"]] {
            assert!(!key_refused(&reasons(other)));
        }
    }

    #[test]
    fn cancelled_transaction_is_read_again_after_failed_condition() {
        let has_changed = |codes: [&str; 2]| has_changed(&codes.map(str::to_owned));
        assert_eq!(has_changed(["ConditionalCheckFailed", "None"]), Ok(()));
        assert_eq!(has_changed(["TransactionConflict", "ConditionalCheckFailed"]), Ok(()));
        assert_eq!(has_changed(["None", "ThrottlingError"]), Err(LedgerError::Throttled));
        assert_eq!(has_changed(["None", "TransactionConflict"]), Ok(()));
        assert!(matches!(has_changed(["ValidationError", "None"]), Err(LedgerError::Defect(_))));
    }
}
