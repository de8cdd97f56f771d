//! The replay: an operator has the key's latest notification delivered again to chosen services.
//!
//! It adds the services to the outbox and makes it due at once; `redeliver` does the rest. The
//! claim, the window and the sequence stay: services receive the same event, with the same event
//! id. Retries of what is pending count from the replay.
//!
//! A process that is delivering meanwhile has read an outbox without these services, and its
//! confirmation would write that back. The lease does not stop it: a delayed lease request could
//! restore the lease that the replay replaced (`docs/explanation/model.md`). So confirmations are
//! conditioned on the instant of the latest replay, which only increases.

use std::collections::BTreeSet;

use super::{
    Ledger, LedgerError,
    expression::{document, number, string},
    item::{Item, KeyRecord, Replay, due_shard, has_crn},
    update::{Update, Updated},
};
use crate::domain::{EpochMillis, KeyCrn, ServiceName};

/// The maximum number of services of one replay: DynamoDB accepts expressions of at most 4 KB
/// (`docs/reference/limits.md#replayed-services`).
pub const MAX_REPLAYED_SERVICES: usize = 32;

/// The key is the operator's, and no newer notification has replaced the one that they saw. A newer
/// one is pending for all services already.
const IS_LATEST_NOTIFICATION: &str = "#crn = :crn AND #claim = :claim";
/// Replays have increasing instants, so that each fences the confirmations before it.
const IS_LATEST_REPLAY: &str = "(attribute_not_exists(#replay) OR #replay.#at < :now)";
const MAKE_DUE: &str = "SET #replay = :replay, #due_shard = :due_shard, #due_at = :now";

/// The parameters of a replay.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    /// The key.
    pub key: KeyCrn,
    /// The notification that the operator saw, instant, services, operator and reason. At most
    /// [`MAX_REPLAYED_SERVICES`] services.
    pub replay: Replay,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The services are pending and due.
    Scheduled,
    /// The key is unknown, or has another account, service or region. Nothing was written.
    UnknownKey,
    /// A newer notification has replaced the one that the operator saw. Nothing was written.
    Superseded,
    /// These services have no registrations under the key. Nothing was written.
    NotRegistered(BTreeSet<ServiceName>),
    /// A replay with this or a later instant is recorded. Nothing was written.
    TooEarly(EpochMillis),
}

impl Ledger {
    /// Makes the key's latest notification pending and due for the services of `request`.
    pub async fn replay(&self, request: &ReplayRequest) -> Result<Replayed, LedgerError> {
        let ReplayRequest { key: KeyCrn { instance, key }, replay } = request;
        let services = &replay.services[..];
        if !(1..=MAX_REPLAYED_SERVICES).contains(&services.len()) {
            let count = services.len();
            return Err(LedgerError::Defect(format!(
                "a replay must have 1 to {MAX_REPLAYED_SERVICES} services: got {count}"
            )));
        }
        let values = vec![
            (":crn", string(&request.key)),
            (":claim", string(replay.claim)),
            (":now", number(replay.at.get())),
            (":replay", document(replay)?),
            (":due_shard", number(due_shard(*key))),
        ];
        let (mut condition, mut set, mut remove) =
            (format!("{IS_LATEST_NOTIFICATION} AND {IS_LATEST_REPLAY}"), MAKE_DUE.to_owned(), Vec::new());
        for n in 0..services.len() {
            condition = format!("{condition} AND attribute_exists(#services.#s{n})");
            set = format!("{set}, #pending.#s{n} = #services.#s{n}");
            remove.push(format!("#retries.#s{n}, #outcome.#s{n}"));
        }
        let effect = format!("{set} REMOVE {}", remove.join(", "));
        let mut update = Update::new(&condition, &effect, values);
        update.names =
            services.iter().enumerate().map(|(n, service)| (format!("#s{n}"), service.to_string())).collect();
        match self.update(instance.instance, *key, update).await? {
            Updated::Written(_) => Ok(Replayed::Scheduled),
            Updated::ConditionFailed(None) => Ok(Replayed::UnknownKey),
            Updated::ConditionFailed(Some(item)) => classify_failed_condition(request, item),
        }
    }
}

/// Determines from the unchanged item why the condition failed.
fn classify_failed_condition(request: &ReplayRequest, item: Item) -> Result<Replayed, LedgerError> {
    if !has_crn(&item, &request.key) {
        return Ok(Replayed::UnknownKey);
    }
    let record = KeyRecord::read(item)?;
    if record.claim != Some(request.replay.claim) {
        return Ok(Replayed::Superseded);
    }
    if let Some(latest) = record.replay.filter(|latest| latest.at >= request.replay.at) {
        // An earlier attempt of this call was written and its response lost.
        let is_own = latest == request.replay;
        return Ok(if is_own { Replayed::Scheduled } else { Replayed::TooEarly(latest.at) });
    }
    let is_registered = |service: &ServiceName| record.services.contains_key(service);
    let unregistered = request.replay.services.iter().filter(|service| !is_registered(service));
    Ok(Replayed::NotRegistered(unregistered.cloned().collect()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::ClaimId,
        ledger::{DynamoDbClient, item::tests::notification, stub::Stub},
    };

    #[test]
    fn failed_condition_is_explained_by_the_item() {
        let notification = notification();
        let stored = |replay: Option<&Replay>| {
            let KeyRecord { crn, key_type, state, ring, version, event, services, .. } = &notification.key;
            let mut item = serde_json::json!({
                "crn": crn, "key_type": key_type, "state": state, "ring": ring, "version": version,
                "event": event, "services": services, "claim": notification.claim,
            });
            if let Some(replay) = replay {
                item["replay"] = serde_json::json!(replay);
            }
            serde_dynamo::to_item(item).unwrap()
        };
        let replay = Replay {
            claim: notification.claim,
            at: notification.at,
            services: vec!["secrets-manager".parse().unwrap(), "cloud-object-storage".parse().unwrap()],
            operator: "operator".to_owned(),
            reason: "outage".to_owned(),
        };
        let request = ReplayRequest { key: notification.key.crn.clone(), replay: replay.clone() };
        let classified = |request: &ReplayRequest, latest: Option<&Replay>| {
            classify_failed_condition(request, stored(latest)).unwrap()
        };
        let unregistered = Replayed::NotRegistered(["secrets-manager".parse().unwrap()].into());
        assert_eq!(classified(&request, None), unregistered);
        let earlier = Replay { at: replay.at.minus(Duration::from_millis(1)), ..replay.clone() };
        assert_eq!(classified(&request, Some(&earlier)), unregistered);
        assert_eq!(classified(&request, Some(&replay)), Replayed::Scheduled, "its response was lost");
        let other = Replay { operator: "other".to_owned(), ..replay.clone() };
        assert_eq!(classified(&request, Some(&other)), Replayed::TooEarly(replay.at));
        let older = Replay { claim: ClaimId::unique(), ..replay.clone() };
        let superseded = ReplayRequest { replay: older, ..request.clone() };
        assert_eq!(classified(&superseded, None), Replayed::Superseded);
        let key = request.key.to_string().replace("abc123", "abc124").parse().unwrap();
        assert_eq!(classified(&ReplayRequest { key, ..request }, None), Replayed::UnknownKey);
    }

    #[tokio::test]
    async fn replay_has_1_to_32_services() {
        let notification = notification();
        let replayed = async |services: usize| {
            let services = (0..services).map(|n| format!("service-{n}").parse().unwrap()).collect();
            let (operator, reason) = ("operator".to_owned(), "outage".to_owned());
            let replay =
                Replay { claim: notification.claim, at: notification.at, services, operator, reason };
            let request = ReplayRequest { key: notification.key.crn.clone(), replay };
            let stub = Stub::default();
            (stub.ledger(DynamoDbClient::Sdk).replay(&request).await, stub.take_sent().len())
        };
        for count in [1, 32] {
            assert_eq!(replayed(count).await, (Ok(Replayed::Scheduled), 1));
        }
        for count in [0, 33] {
            let (result, sent) = replayed(count).await;
            assert!(matches!(result, Err(LedgerError::Defect(_))) && sent == 0, "{count}: {result:?}");
        }
    }
}
