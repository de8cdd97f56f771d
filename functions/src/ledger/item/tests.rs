//! Tests of the item, and a notification for tests of other modules.

use serde_json::json;

use super::*;

/// The seventh notification of a deleted key with two associated services.
pub(crate) fn notification() -> Notification {
    let item: Item = serde_dynamo::to_item(json!({
        "crn": "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d",
        "key_type": "root",
        "state": 5,
        "ring": "default",
        "version": {"id": "02fd6835-6001-4482-a892-13bd2085f75d", "created_at": 1_793_491_200_000_u64},
        "event": {"action": "delete", "at": 1_795_482_000_000_u64},
        "notified_at": 1_795_496_400_000_u64,
        "claim": "019aaf60-0000-7000-8000-000000000001",
        "lease": "019aaf60-0000-7000-8000-000000000001",
        "correlation_id": "c-1",
        "caller": "IBMid-1",
        "sequence": 7,
        "services": {"cloud-object-storage": 12, "databases-for-postgresql": 1},
        "pending": {"cloud-object-storage": 12, "databases-for-postgresql": 1},
        "retries": {"databases-for-postgresql": {"attempts": 1, "next_at": 1_795_496_460_000_u64}},
        "outcome": {},
        "unknown_attribute": true,
    }))
    .unwrap();
    Notification::read(item).unwrap().unwrap()
}

/// The outcome of a delivery to one service.
pub(crate) fn delivered(notification: &Notification) -> BTreeMap<ServiceName, Outcome> {
    let service: ServiceName = "databases-for-postgresql".parse().unwrap();
    let event_id = notification.event_id(&service).to_string();
    let (status, at) = (OutcomeStatus::Delivered, notification.at);
    BTreeMap::from([(service, Outcome { event_id, status, at, attempts: 1, reason: None })])
}

#[test]
fn parses_item_with_unknown_attributes() {
    let notification = notification();
    assert_eq!(notification.sequence, 7);
    assert!(notification.renotification);
    let due = |after_ms: u64| {
        notification.due(EpochMillis::new(1_795_496_400_000 + after_ms)).map(|(_, count)| count)
    };
    assert_eq!(due(59_999).collect::<Vec<_>>(), [12], "a service whose next attempt is later is not due");
    assert_eq!(due(60_000).collect::<Vec<_>>(), [12, 1]);
}

#[test]
fn reports_invalid_item_as_defect() {
    let item = Item::from([("crn".to_owned(), AttributeValue::S("not a crn".to_owned()))]);
    assert!(matches!(KeyRecord::read(item), Err(LedgerError::Defect(_))));
}

#[test]
fn key_and_alias_items_never_collide() {
    let instance = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap();
    let id = "02fd6835-6001-4482-a892-13bd2085f75d".parse().unwrap();
    let key = key_pk(instance, id);
    assert_eq!(parse_key_pk(&key), Some((instance, id)));
    let alias = alias_pk(instance, &"02fd6835".parse().unwrap());
    assert_ne!(key, alias);
    assert_eq!(parse_key_pk(&alias), None);
}

#[test]
fn shards_are_those_of_the_last_hex_digit() {
    let (shards, id) = (DUE_SHARDS, "02fd6835-6001-4482-a892-13bd2085f75d".parse().unwrap());
    assert_eq!((due_shard(id), deadline_shard(id)), (0xd, shards + 0xd));
}

#[test]
fn aliases_have_items_of_their_own() {
    let instance = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap();
    let pk = |alias: &str| alias_pk(instance, &alias.parse().unwrap());
    assert_eq!(pk("payments"), "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11#alias#payments");
    assert_ne!(pk("payments"), pk("orders"));
}

#[test]
fn replay_is_new_until_its_services_are_attempted() {
    let notification = notification();
    let is_new = |claim: ClaimId, services: &[&str]| {
        let services = services.iter().map(|name| name.parse().unwrap()).collect();
        let (operator, reason) = ("operator".to_owned(), "outage".to_owned());
        let replay = Replay { claim, at: notification.at, services, operator, reason };
        let key = KeyRecord { replay: Some(replay), ..notification.key.clone() };
        Notification { key, ..notification.clone() }.new_replay().is_some()
    };
    assert!(is_new(notification.claim, &["cloud-object-storage"]));
    assert!(is_new(notification.claim, &["databases-for-postgresql", "cloud-object-storage"]));
    assert!(!is_new(notification.claim, &["databases-for-postgresql"]), "attempted");
    assert!(!is_new(notification.claim, &["secrets-manager"]), "not pending");
    assert!(!is_new(ClaimId::unique(), &["cloud-object-storage"]), "of another notification");
    assert!(notification.new_replay().is_none());
}
