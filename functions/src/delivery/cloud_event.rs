//! The body of a callback: a CloudEvent 1.0 in structured mode
//! (`docs/reference/notifications.md#event-fields`).

use serde::Serialize;

use crate::{
    domain::{EventId, KeyCrn, KeyId, KeyState, LifecycleAction, ServiceName},
    ledger::Notification,
};

/// The content type of the structured mode in JSON.
pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The serialized event `id`, which names the service that it is for. Exactly these bytes are
/// signed and sent.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "serialization of strings and numbers cannot fail")]
pub fn body(notification: &Notification, id: &EventId, resource_count: u64) -> Vec<u8> {
    let key = &notification.key;
    let action = key.event.action;
    let event = CloudEvent {
        specversion: "1.0",
        id: id.to_string(),
        source: key.crn.instance.to_string(),
        r#type: format!("com.ibm.cloud.kms.key.{}", action.as_str()),
        subject: key.crn.key,
        time: notification.at.to_string(),
        datacontenttype: "application/json",
        // Fixed width, so that it also compares as a string (CloudEvents sequence extension).
        sequence: format!("{:020}", notification.sequence),
        data: Data {
            key_id: key.crn.key,
            key_crn: &key.crn,
            key_state: key.state,
            key_version: Version { id: &key.version.id, creation_date: key.version.created_at.to_string() },
            event_type: action,
            renotification: notification.renotification,
            occurred_at: key.event.at.to_string(),
            service: &id.service,
            resource_count,
        },
    };
    serde_json::to_vec(&event).expect("an event of strings and numbers serializes")
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: String,
    subject: KeyId,
    time: String,
    datacontenttype: &'static str,
    sequence: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    key_id: KeyId,
    key_crn: &'a KeyCrn,
    key_state: KeyState,
    key_version: Version<'a>,
    event_type: LifecycleAction,
    renotification: bool,
    occurred_at: String,
    /// The audience: a receiver rejects an event for another service.
    service: &'a ServiceName,
    resource_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version<'a> {
    id: &'a str,
    creation_date: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ledger::item::tests::notification;

    #[test]
    fn event_has_the_documented_fields() {
        let notification = notification();
        let id = notification.event_id(&"cloud-object-storage".parse().unwrap());
        let event: Value = serde_json::from_slice(&body(&notification, &id, 12)).unwrap();
        let crn = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:";
        let key = "02fd6835-6001-4482-a892-13bd2085f75d";
        assert_eq!(
            event,
            json!({
                "specversion": "1.0",
                "id": format!("{key}_{}_cloud-object-storage", notification.claim),
                "source": format!("{crn}:"),
                "type": "com.ibm.cloud.kms.key.delete",
                "subject": key,
                "time": "2026-11-24T05:00:00.000Z",
                "datacontenttype": "application/json",
                "sequence": "00000000000000000007",
                "data": {
                    "keyId": key, "keyCrn": format!("{crn}key:{key}"), "keyState": 5,
                    "keyVersion": {"id": key, "creationDate": "2026-11-01T00:00:00.000Z"},
                    "eventType": "delete", "renotification": true,
                    "occurredAt": "2026-11-24T01:00:00.000Z",
                    "service": "cloud-object-storage", "resourceCount": 12
                }
            })
        );
    }
}
