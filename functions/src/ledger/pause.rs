//! Paused services: an operator has stopped the deliveries to a service, and resumes them later.
//!
//! One item holds all pauses, so that one read returns them: `redeliver` reads it in each run, the
//! other functions once a minute (`pause_cache.rs`). Notifications of a paused service stay
//! pending. A pause that has ended stays in the item until the next one of its service, because
//! retries count from its end (docs/explanation/adr/0042-pauses-in-the-table.md).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Ledger, LedgerError, Notification,
    expression::{document, empty_map},
    item::Item,
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, ServiceName};

/// The partition and sort key of the item. Those of keys and aliases contain `#`.
const PAUSES: &str = "pauses";

/// The service is not paused.
const IS_NOT_PAUSED: &str = "attribute_not_exists(#services.#s0) OR attribute_exists(#services.#s0.#resumed)";
/// The service is paused.
const IS_PAUSED: &str = "attribute_exists(#services.#s0) AND attribute_not_exists(#services.#s0.#resumed)";

/// A pause of the deliveries to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The instant at which the operator paused the service.
    pub at: EpochMillis,
    /// The operator, as the command names them.
    pub operator: String,
    /// The operator's reason.
    pub reason: String,
    /// The end of the pause; `None` while the service is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumption>,
}

/// The end of a pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The instant at which the operator resumed the deliveries.
    pub at: EpochMillis,
    /// The operator, as the command names them.
    pub operator: String,
}

/// The last pause of each service that ever had one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Pauses {
    #[serde(default)]
    services: BTreeMap<ServiceName, Pause>,
    /// The services that the registry pauses, which have no pause in the table.
    #[serde(skip)]
    registry: BTreeSet<ServiceName>,
}

/// The result of a pause or resumption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseChange {
    /// It was written.
    Changed,
    /// The service was paused already, or was not paused. Nothing was written.
    Unchanged,
}

impl Pauses {
    /// Adds the services that the registry pauses.
    #[must_use]
    pub fn with_registry(self, paused: BTreeSet<ServiceName>) -> Self {
        Self { registry: paused, ..self }
    }

    /// Whether the deliveries to this service are stopped, by an operator or by the registry.
    #[must_use]
    pub fn is_paused(&self, service: &ServiceName) -> bool {
        self.registry.contains(service)
            || self.services.get(service).is_some_and(|pause| pause.resumed.is_none())
    }

    /// The instant from which the retries of `notification` to `service` count: that of the claim,
    /// of a replay, or of the end of a pause, whichever is latest.
    #[must_use]
    pub fn retried_since(&self, notification: &Notification, service: &ServiceName) -> EpochMillis {
        let resumed = self.services.get(service).and_then(|pause| pause.resumed.as_ref());
        let since = notification.retried_since();
        resumed.map_or(since, |resumed| resumed.at.max(since))
    }

    /// The last pause of each service, whether it has ended or not.
    pub fn iter(&self) -> impl Iterator<Item = (&ServiceName, &Pause)> {
        self.services.iter()
    }

    /// The services that the registry pauses.
    pub fn paused_by_registry(&self) -> impl Iterator<Item = &ServiceName> {
        self.registry.iter()
    }

    /// The services whose deliveries an operator has stopped.
    pub fn paused(&self) -> impl Iterator<Item = (&ServiceName, &Pause)> {
        self.iter().filter(|(_, pause)| pause.resumed.is_none())
    }
}

impl FromIterator<(ServiceName, Pause)> for Pauses {
    fn from_iter<I: IntoIterator<Item = (ServiceName, Pause)>>(pauses: I) -> Self {
        Self { services: pauses.into_iter().collect(), registry: BTreeSet::new() }
    }
}

impl Ledger {
    /// The pauses. Strongly consistent.
    pub async fn pauses(&self) -> Result<Pauses, LedgerError> {
        let Some(item) = self.get(PAUSES, PAUSES).await? else { return Ok(Pauses::default()) };
        read(item)
    }

    /// Stops the deliveries to `service`.
    pub async fn pause(&self, service: &ServiceName, pause: &Pause) -> Result<PauseChange, LedgerError> {
        // One expression cannot create the map and write into it.
        let create = Update::new(
            "attribute_not_exists(#services)",
            "SET #services = :none",
            vec![(":none", empty_map())],
        );
        self.update_item(PAUSES, PAUSES, create).await?;
        let mut update =
            Update::new(IS_NOT_PAUSED, "SET #services.#s0 = :pause", vec![(":pause", document(pause)?)]);
        update.names = vec![("#s0".to_owned(), service.to_string())];
        self.change(update, |pauses| pauses.services.get(service) == Some(pause)).await
    }

    /// Resumes the deliveries to `service`.
    pub async fn resume(
        &self,
        service: &ServiceName,
        resumption: &Resumption,
    ) -> Result<PauseChange, LedgerError> {
        let values = vec![(":resumed", document(resumption)?)];
        let mut update = Update::new(IS_PAUSED, "SET #services.#s0.#resumed = :resumed", values);
        update.names = vec![("#s0".to_owned(), service.to_string())];
        let is_own = |pauses: &Pauses| {
            pauses.services.get(service).and_then(|pause| pause.resumed.as_ref()) == Some(resumption)
        };
        self.change(update, is_own).await
    }

    /// Executes the update. `is_own` recognizes what an earlier attempt of this call wrote, whose
    /// response was lost.
    async fn change(
        &self,
        update: Update<'_>,
        is_own: impl Fn(&Pauses) -> bool,
    ) -> Result<PauseChange, LedgerError> {
        match self.update_item(PAUSES, PAUSES, update).await? {
            Updated::Written(_) => Ok(PauseChange::Changed),
            Updated::ConditionFailed(None) => Ok(PauseChange::Unchanged),
            Updated::ConditionFailed(Some(item)) => {
                Ok(if is_own(&read(item)?) { PauseChange::Changed } else { PauseChange::Unchanged })
            }
        }
    }
}

fn read(item: Item) -> Result<Pauses, LedgerError> {
    serde_dynamo::from_item(item)
        .map_err(|error| LedgerError::Defect(format!("invalid item of the pauses: {error}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        item::tests::notification,
        stub::{Stub, condition_failed},
    };

    #[test]
    fn retries_count_from_the_end_of_a_pause() {
        let notification = notification();
        let service: ServiceName = "cloud-object-storage".parse().unwrap();
        let since = |resumed: Option<EpochMillis>| {
            let resumed = resumed.map(|at| Resumption { at, operator: "ada".to_owned() });
            let at = notification.at.minus(Duration::from_hours(1));
            let pause = Pause { at, operator: "ada".to_owned(), reason: "moved".to_owned(), resumed };
            let pauses = Pauses::from_iter([(service.clone(), pause)]);
            (pauses.is_paused(&service), pauses.retried_since(&notification, &service))
        };
        let later = notification.at.plus(Duration::from_hours(30));
        assert_eq!(since(None), (true, notification.at));
        assert_eq!(since(Some(later)), (false, later));
        let earlier = notification.at.minus(Duration::from_mins(1));
        assert_eq!(since(Some(earlier)), (false, notification.at));
    }

    /// The result of a change, whose condition failed because this pause is stored.
    async fn changed(
        stored: Option<&Pause>,
        change: impl AsyncFnOnce(&Ledger) -> Result<PauseChange, LedgerError>,
        created: usize,
    ) -> PauseChange {
        let stored = stored.map(|pause| {
            let pause = serde_json::to_value(
                serde_dynamo::to_attribute_value::<_, serde_dynamo::AttributeValue>(pause).unwrap(),
            );
            json!({"services": {"M": {"cloud-object-storage": pause.unwrap()}}})
        });
        let failed = condition_failed(stored.as_ref());
        let steps = (0..created).map(|_| condition_failed(None)).chain([failed]);
        change(&Stub::with(steps).ledger(DynamoDbClient::Sdk)).await.unwrap()
    }

    #[tokio::test]
    async fn lost_response_to_change_is_no_other_change() {
        let service: ServiceName = "cloud-object-storage".parse().unwrap();
        let resumption = |at| Resumption { at: EpochMillis::new(at), operator: "ada".to_owned() };
        let pause = |at, resumed| Pause {
            at: EpochMillis::new(at),
            operator: "ada".to_owned(),
            reason: "moved".to_owned(),
            resumed,
        };
        let (own, other) = (pause(2, None), pause(1, None));
        for (stored, expected) in [
            (Some(&own), PauseChange::Changed),
            (Some(&other), PauseChange::Unchanged),
            (None, PauseChange::Unchanged),
        ] {
            let paused = changed(stored, async |ledger| ledger.pause(&service, &own).await, 1).await;
            assert_eq!(paused, expected);
        }
        let (own, other) = (pause(1, Some(resumption(3))), pause(1, Some(resumption(2))));
        for (stored, expected) in [
            (Some(&own), PauseChange::Changed),
            (Some(&other), PauseChange::Unchanged),
            (None, PauseChange::Unchanged),
        ] {
            let resume = async |ledger: &Ledger| ledger.resume(&service, &resumption(3)).await;
            assert_eq!(changed(stored, resume, 0).await, expected);
        }
    }
}
