//! Registrations: the associations of resources with keys, counted by service.
//!
//! A registration is a separate item in the key's partition, and is counted under its service on
//! the key's item. One transaction writes both. Events about a registration may be late, repeated
//! or out of order, so its item keeps the instant of the last one, even after the registration has
//! ended (as a tombstone, for as long as an event can be late).
//!
//! | attribute | meaning |
//! | --- | --- |
//! | `pk`, `sk` | the key's partition key, `registration#<resource CRN>` |
//! | `registered` | whether the resource is registered |
//! | `changed_at` | epoch ms of the last event |
//! | `crn` | the key's CRN in that event |
//! | `expires_at` | epoch **s** after which DynamoDB may delete the tombstone |

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

/// The prefix of a registration's sort key; the resource's CRN follows.
pub const REGISTRATION: &str = "registration#";

/// The maximum number of services with registrations under a key. Each is an entry in four maps of
/// the key's item, which DynamoDB limits to 400 KB (`docs/reference/limits.md#services-per-key`).
pub const MAX_SERVICES: usize = 128;

/// The attempts to write a change while concurrent writes change the items
/// (`docs/reference/limits.md#registration-attempts`).
const ATTEMPTS: u32 = 4;

/// The registration has not changed since it was read.
const IS_UNCHANGED: &str = "#changed_at = :read_at";
/// The registration is still absent.
const IS_ABSENT: &str = "attribute_not_exists(#changed_at)";
const REGISTER: &str =
    "SET #registered = :registered, #changed_at = :changed_at, #crn = :crn REMOVE #expires_at";
const DEREGISTER: &str =
    "SET #registered = :registered, #changed_at = :changed_at, #crn = :crn, #expires_at = :expires_at";

/// The key is stored, with the same account, service and region.
const IS_SAME_KEY: &str = "#crn = :crn";
/// The service already has registrations under the key, or the key has fewer services than the
/// maximum.
const IS_BELOW_MAXIMUM: &str = "(attribute_exists(#services.#service) OR size(#services) < :maximum)";
const INCREMENT: &str = "SET #services.#service = if_not_exists(#services.#service, :zero) + :one";
const HAS_OTHERS: &str = "#crn = :crn AND #services.#service > :one";
const DECREMENT: &str = "SET #services.#service = #services.#service - :one";
const IS_ONLY_ONE: &str = "#crn = :crn AND #services.#service = :one";
const REMOVE_SERVICE: &str = "REMOVE #services.#service";

/// The start or end of a registration.
#[derive(Clone, Debug)]
pub struct RegistrationChange {
    /// The CRN of the key.
    pub key: KeyCrn,
    /// The CRN of the resource.
    pub resource: ResourceCrn,
    /// Whether the resource is registered after the change.
    pub registered: bool,
    /// The instant of the change.
    pub at: EpochMillis,
}

/// The result of applying a change to a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The change was applied.
    Applied,
    /// This change or a later one was already applied. Nothing was written.
    Stale,
    /// The key is unknown. Nothing was written.
    UnknownKey,
    /// The stored key has another account, service or region. Nothing was written.
    CrnMismatch,
    /// The key already has registrations of [`MAX_SERVICES`] other services. Nothing was written.
    TooManyServices,
}

/// The stored state of a registration.
#[derive(Default, Deserialize)]
struct Registration {
    #[serde(default)]
    registered: bool,
    changed_at: Option<EpochMillis>,
    crn: Option<KeyCrn>,
}

impl Registration {
    /// Whether this change or a later one is stored. An event for the key of another account, which
    /// arrived while the key was unknown, does not count.
    fn includes(&self, change: &RegistrationChange) -> bool {
        self.crn.as_ref().is_none_or(|crn| *crn == change.key)
            && self.changed_at.is_some_and(|changed_at| changed_at >= change.at)
    }
}

impl Ledger {
    /// Applies a change to a registration and to the count on the key's item.
    pub async fn count(&self, change: &RegistrationChange) -> Result<Counted, LedgerError> {
        for _ in 0..ATTEMPTS {
            let (stored, key) = self.load(change).await?;
            if key.as_ref().is_some_and(|key| !has_crn(key, &change.key)) {
                return Ok(Counted::CrnMismatch);
            }
            let count = key.as_ref().and_then(|key| count(key, change.resource.service()));
            if stored.includes(change) {
                return Ok(Counted::Stale);
            }
            let mut writes = vec![self.upsert(change, &stored)?];
            match count {
                // The key is unknown or has no registrations of the service: there is no count.
                None if !change.registered => {}
                _ if stored.registered == change.registered => {}
                None if key.as_ref().is_some_and(is_full) => return Ok(Counted::TooManyServices),
                count => writes.push(self.adjust_count(change, count.unwrap_or_default())?),
            }
            match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
                Ok(_) => return Ok(Counted::Applied),
                Err(error) => match cancellation_reasons(&error) {
                    None => return Err(error.into()),
                    // Only a registration has a condition on the key.
                    Some(reasons) if key.is_none() && only_key_condition_failed(&reasons) => {
                        return Ok(Counted::UnknownKey);
                    }
                    Some(reasons) => check_retryable(&reasons)?,
                },
            }
        }
        Err(LedgerError::Unavailable(
            "other writes changed the registration or its key during each attempt".to_owned(),
        ))
    }

    /// The stored registration, and the key's item if it exists.
    async fn load(&self, change: &RegistrationChange) -> Result<(Registration, Option<Item>), LedgerError> {
        let sk = registration_sk(&change.resource);
        let pk = key_pk(change.key.instance.instance, change.key.key);
        let (registration, key) = try_join(self.get(&pk, &sk), self.get(&pk, KEY_ITEM)).await?;
        let stored = match registration {
            Some(item) => serde_dynamo::from_item(item)
                .map_err(|error| LedgerError::Defect(format!("invalid registration: {error}")))?,
            None => Registration::default(),
        };
        Ok((stored, key))
    }

    fn upsert(
        &self,
        change: &RegistrationChange,
        stored: &Registration,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut values = vec![
            (":registered", AttributeValue::Bool(change.registered)),
            (":changed_at", number(change.at.get())),
            (":crn", string(&change.key)),
        ];
        let condition = match stored.changed_at {
            Some(read_at) => {
                values.push((":read_at", number(read_at.get())));
                IS_UNCHANGED
            }
            None => IS_ABSENT,
        };
        let effect = if change.registered {
            REGISTER
        } else {
            values.push((":expires_at", number(change.at.plus(TOMBSTONE_TTL).secs())));
            DEREGISTER
        };
        self.write(change, &registration_sk(&change.resource), condition, effect, values)
    }

    fn adjust_count(
        &self,
        change: &RegistrationChange,
        count: u64,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut values = vec![(":crn", string(&change.key)), (":one", number(1))];
        let (condition, effect) = match (change.registered, count) {
            (true, _) => {
                values.extend([(":zero", number(0)), (":maximum", number(MAX_SERVICES))]);
                (format!("{IS_SAME_KEY} AND {IS_BELOW_MAXIMUM}"), INCREMENT)
            }
            (false, 0 | 1) => (IS_ONLY_ONE.to_owned(), REMOVE_SERVICE),
            (false, _) => (HAS_OTHERS.to_owned(), DECREMENT),
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

/// The number of the key's registrations for `service`; `None` if it has none.
fn count(key: &Item, service: &ServiceName) -> Option<u64> {
    key.get("services")?.as_m().ok()?.get(&service.to_string())?.as_n().ok()?.parse().ok()
}

/// The sort key of a resource's registration.
#[must_use]
pub fn registration_sk(resource: &ResourceCrn) -> String {
    format!("{REGISTRATION}{resource}")
}

/// Whether the key has the maximum number of services.
fn is_full(key: &Item) -> bool {
    let services = key.get("services").and_then(|services| services.as_m().ok());
    services.is_some_and(|services| services.len() >= MAX_SERVICES)
}

fn item_key(key: &KeyCrn, sk: &str) -> Item {
    let pk = key_pk(key.instance.instance, key.key);
    Item::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))])
}

/// The reasons why a transaction was cancelled, one per item; `None` if it failed otherwise.
fn cancellation_reasons(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<String>> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons();
            Some(reasons.iter().map(|reason| reason.code().unwrap_or("None").to_owned()).collect())
        }
        _ => None,
    }
}

/// Whether the change can be attempted again after reading the items: one of them changed since it
/// was read, or a conflict outlasted the attempts of the call (`conflict.rs`), for example while
/// many resources are registered with one key. Any other reason, such as throttling or an invalid
/// request, is an error.
fn check_retryable(reasons: &[String]) -> Result<(), LedgerError> {
    let is = |codes: &[&str]| reasons.iter().any(|reason| codes.contains(&reason.as_str()));
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

/// Whether the condition on the key failed and the one on the registration did not.
fn only_key_condition_failed(reasons: &[String]) -> bool {
    matches!(reasons, [registration, key] if registration == "None" && key == "ConditionalCheckFailed")
}

#[cfg(test)]
mod tests;
