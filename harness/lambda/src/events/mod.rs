//! The path of lifecycle events from the key-management service to the function `lifecycle`: an
//! event bus with a rule, a queue, an event source mapping, and a dead-letter queue.
//!
//! ```text
//! publish ──▶ envelope ──▶ queue ──▶ batch ──▶ lifecycle ──▶ processed, or back to the queue
//!                                                  └──▶ dead-letter queue, with the reason
//! ```
//!
//! As in AWS, delivery is at least once and unordered: messages of a batch that fail, or whose
//! process ends, are redelivered.

mod dead_letters;
mod queue;
mod sqs;
mod sqs_api;

use keysync::{
    Clock,
    domain::{EpochMillis, KeyCrn, KeyFacts, LifecycleAction, ResourceCrn},
};
use serde_json::{Value, json};
use uuid::Uuid;

pub use dead_letters::{DeadLetter, DeadLetterQueue, DeadLetterState};
pub use queue::{Delivery, Feeder, Queue};
pub use sqs::Rejected;

/// The event bus. Clones share it.
#[derive(Clone, Debug)]
pub struct EventBus {
    queue: Queue,
    clock: Clock,
}

impl EventBus {
    /// Creates a bus whose only rule sends every event to `queue`.
    #[must_use]
    pub fn new(queue: Queue, clock: Clock) -> Self {
        Self { queue, clock }
    }

    /// Publishes a lifecycle action on a key; `facts` is the key after the action.
    pub fn action(&self, action: LifecycleAction, facts: &KeyFacts, occurred_at: EpochMillis) -> Delivery {
        let detail = json!({
            "keyType": facts.key_type,
            "keyState": facts.state,
            "keyRing": facts.ring,
            "keyVersion": {"id": facts.version.id, "creationDate": facts.version.created_at.to_string()},
        });
        self.publish(&format!("kms.secrets.{}", action.as_str()), &facts.crn, occurred_at, detail)
    }

    /// Publishes that a key was purged.
    pub fn purge(&self, key: &KeyCrn, occurred_at: EpochMillis) -> Delivery {
        self.publish("kms.secrets.purge", key, occurred_at, json!({}))
    }

    /// Publishes that a resource was registered with a key, or deregistered if `registered` is
    /// false.
    pub fn registration(
        &self,
        key: &KeyCrn,
        resource: &ResourceCrn,
        registered: bool,
        occurred_at: EpochMillis,
    ) -> Delivery {
        let verb = if registered { "create" } else { "delete" };
        let detail = json!({"resourceCrn": resource});
        self.publish(&format!("kms.registrations.{verb}"), key, occurred_at, detail)
    }

    /// Publishes that a service acknowledged an event.
    pub fn acknowledgement(
        &self,
        key: &KeyCrn,
        event_id: &str,
        key_state: &str,
        resource: Option<&ResourceCrn>,
        occurred_at: EpochMillis,
    ) -> Delivery {
        let mut detail = json!({"eventId": event_id, "adopterKeyState": key_state});
        if let Some(resource) = resource {
            detail["resourceCrn"] = json!(resource);
        }
        self.publish("kms.secrets-event.ack", key, occurred_at, detail)
    }

    fn publish(&self, kind: &str, key: &KeyCrn, occurred_at: EpochMillis, mut detail: Value) -> Delivery {
        detail["schemaVersion"] = json!(1);
        detail["keyCrn"] = json!(key);
        detail["occurredAt"] = json!(occurred_at.to_string());
        self.publish_raw(&self.envelope(kind, &detail).to_string())
    }

    /// The `EventBridge` envelope of an event, as the queue receives it.
    #[must_use]
    pub fn envelope(&self, kind: &str, detail: &Value) -> Value {
        json!({
            "version": "0",
            "id": Uuid::new_v4().to_string(),
            "source": "kms",
            "account": "000000000000",
            "region": "us-east-1",
            "time": self.clock.now().whole_seconds().to_string(),
            "resources": [detail["keyCrn"]],
            "detail-type": kind,
            "detail": detail,
        })
    }

    /// Publishes any string, such as a malformed event or a repeated one.
    pub fn publish_raw(&self, event: &str) -> Delivery {
        self.queue.send(event)
    }

    /// The queue between the bus and the function.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}
