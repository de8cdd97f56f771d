//! The usual events of the key-management service.

use jiff::Timestamp;
use keysync_testkit::services::{Behaviour, Verdict};
use serde_json::{Value, json};

use super::{SERVICE, Stack};
use crate::failure::Fault;

/// The minutes between two events.
const EVENT_EVERY: i64 = 30;
/// `EventBridge` retries an event for a day (`infra/template.yaml`, `EventRule`).
const BUS_RETRIES: i64 = 24 * 60;
/// The minutes until the acknowledgements of a notification are checked.
const CHECK: i64 = 4 * 60 + 5;
/// A key whose registration arrives before its first event.
const EARLY_KEY: &str = "6f1dd6a5-4c0e-4e0c-9a57-0d5b0f8e2c11";

impl Stack {
    /// The usual events, before any failure: among them, once, a service that fails for a minute,
    /// and a registration that arrives 20 minutes before the first event of its key.
    pub(crate) fn usual_disturbance(&mut self, keys: &[String]) {
        match self.minute {
            20 => self.events.send(self.registration(EARLY_KEY), self.minute),
            40 => self.events.send(self.action("create", EARLY_KEY), self.minute),
            60 => {
                self.behave(Behaviour::respond(503));
                if let Some(key) = keys.first() {
                    self.events.send(self.action("rotate", key), self.minute);
                }
            }
            61 => self.behave(Behaviour::Act),
            _ => {}
        }
    }

    pub(super) fn publish_events(&mut self) {
        let is_due = self.minute % EVENT_EVERY == 0 && !self.fault.has_one_event();
        // What the queue rejects is not retried (EventBridge user guide, retry policy).
        let retries = match self.fault {
            Fault::BusIsRejected => Some(0),
            Fault::BusCannotDeliver => Some(BUS_RETRIES),
            _ => None,
        };
        if let Some(retries) = retries {
            self.undelivered.extend(is_due.then_some(self.minute));
            let expired = self.undelivered.extract_if(.., |sent| self.minute - *sent >= retries).count();
            self.add_letters("UndeliveredQueue", expired);
            return;
        }
        for _ in std::mem::take(&mut self.undelivered) {
            self.events.send(self.action("rotate", &self.key), self.minute);
        }
        if is_due {
            self.events.send(self.action("rotate", &self.key), self.minute);
        }
    }

    /// The service acknowledges what it has received since the last call; the functions receive
    /// that in the next minute.
    pub(super) fn acknowledge(&mut self) {
        if !self.must_acknowledge {
            return;
        }
        let state = match self.fault {
            Fault::NoAcknowledgement => None,
            Fault::ContradictingAcknowledgement => Some("DEK_DISABLED"),
            _ => Some("DEK_ENABLED"),
        };
        let received = self.harness.service(SERVICE).unwrap().take_received();
        for notification in received {
            let event = notification.json();
            let text = |name: &str| event[name].as_str().unwrap();
            let claimed_at: Timestamp = text("time").parse().unwrap();
            let now = i64::try_from(self.harness.clock().now().get()).unwrap();
            let age = (now - claimed_at.as_millisecond()) / 60_000;
            // At that instant itself, they are not checked yet.
            self.deadlines.insert(self.minute - age + CHECK + 1);
            if let (Verdict::Acted, Some(state)) = (notification.verdict, state) {
                let more = json!({"eventId": text("id"), "adopterKeyState": state});
                let acknowledgement = self.event("kms.secrets-event.ack", text("subject"), &more);
                self.events.send(acknowledgement, self.minute);
            }
        }
    }

    fn crn(&self, key: &str) -> String {
        let (account, instance) = (self.harness.account(), self.harness.instance());
        format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}")
    }

    fn event(&self, kind: &str, key: &str, more: &Value) -> String {
        let now = self.harness.clock().now().to_string();
        let mut detail = json!({"schemaVersion": 1, "keyCrn": self.crn(key), "occurredAt": now});
        detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.harness.events().envelope(kind, &detail).to_string()
    }

    /// An action that leaves the key active.
    pub(super) fn action(&self, action: &str, key: &str) -> String {
        let version = json!({"id": "v-1", "creationDate": "2026-10-01T00:00:00Z"});
        let more = json!({"keyType": "root", "keyState": 1, "keyRing": "default", "keyVersion": version});
        self.event(&format!("kms.secrets.{action}"), key, &more)
    }

    pub(super) fn registration(&self, key: &str) -> String {
        let resource = format!("crn:v1:bluemix:public:{SERVICE}:global:a/abc123:8c2e:catalog:one");
        self.event("kms.registrations.create", key, &json!({"resourceCrn": resource}))
    }
}
