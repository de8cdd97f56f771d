//! Items of the table and events of the event bus: each is rejected, or parsed and then produces
//! well-formed events.

use std::collections::BTreeSet;

use keysync::{
    delivery::cloud_event_body,
    domain::EpochMillis,
    ledger::{KeyRecord, Notification, item::Item},
    usecases::lifecycle::{KeyEvent, KeyEventKind},
};
use serde_json::Value;

/// An item in DynamoDB JSON. A parsed item produces a CloudEvent for each of its services.
pub fn item(data: &[u8]) {
    let Ok(item) = serde_json::from_slice::<serde_dynamo::Item>(data) else { return };
    let Ok(key) = KeyRecord::read(Item::from(item)) else { return };
    let (Some(claim), Some(lease), Some(at)) = (key.claim, key.lease, key.notified_at) else { return };
    let (sequence, renotification) = (key.sequence, key.caller.is_some());
    let notification = Notification { claim, lease, at, sequence, renotification, key };
    let due = |now| notification.due(EpochMillis::new(now)).count();
    assert!(due(0) <= due(u64::MAX) && due(u64::MAX) == notification.key.pending.len());
    let mut ids = BTreeSet::new();
    for (service, resources) in notification.due(EpochMillis::new(u64::MAX)) {
        let id = notification.event_id(service);
        let event: Value =
            serde_json::from_slice(&cloud_event_body(&notification, &id, resources)).expect("an event");
        let id = id.to_string();
        assert_eq!((event["id"].as_str(), &event["specversion"]), (Some(&*id), &"1.0".into()));
        assert_eq!(event["data"]["service"].as_str(), Some(&*service.to_string()));
        assert!(ids.insert(id), "two services have the same event id");
    }
}

/// A lifecycle event. Parsing is deterministic, and CRNs survive formatting and parsing.
pub fn lifecycle_event(data: &[u8]) {
    let Ok(json) = std::str::from_utf8(data) else { return };
    match KeyEvent::read(json) {
        Ok(event) => {
            assert_eq!(KeyEvent::read(json).as_ref(), Ok(&event));
            let crn = event.key.to_string();
            assert_eq!(crn.parse().as_ref(), Ok(&event.key), "{crn}");
            if let KeyEventKind::RegistrationCreated(resource) | KeyEventKind::RegistrationDeleted(resource) =
                &event.kind
            {
                assert_eq!(resource.to_string().parse().as_ref(), Ok(resource), "{resource}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
