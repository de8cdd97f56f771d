//! The way of lifecycle events from the key-management service to the function `lifecycle`: an event bus
//! with a rule, a queue, an event source mapping, and a dead-letter queue.
//!
//! ```text
//! publish ──▶ EventBridge envelope ──▶ queue ──▶ batch ──▶ lifecycle ──▶ done, or back to the queue
//!                                                              └──▶ dead-letter queue, with the reason
//! ```
//!
//! As in AWS an event comes at least once, in no particular order: what a batch could not take, or died
//! over, comes again.

mod dead_letters;
mod queue;
mod sqs;

use keysync::{
    Clock,
    domain::{EpochMillis, KeyCrn, KeyFacts, LifecycleAction, ResourceCrn},
};
use serde_json::{Value, json};
use uuid::Uuid;

pub use dead_letters::{DeadLetter, DeadLetterQueue};
pub(crate) use queue::Feeder;
pub use queue::{Delivery, Queue};

/// The event bus. Clones are the same one.
///
/// ```no_run
/// # async fn example(harness: &keysync_harness::Harness) -> Result<(), Box<dyn std::error::Error>> {
/// harness.events().publish_raw("what no function can read").taken().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EventBus {
    queue: Queue,
    clock: Clock,
}

impl EventBus {
    /// A bus whose one rule sends every event to `queue`.
    pub(crate) fn new(queue: Queue, clock: Clock) -> Self {
        Self { queue, clock }
    }

    /// Publishes that a lifecycle action was taken on a key, which is `facts` since.
    ///
    /// ```no_run
    /// use keysync::domain::KeyFacts;
    /// use keysync_harness::EpochMillis;
    /// # async fn example(harness: &keysync_harness::Harness, key: &KeyFacts, now: EpochMillis) {
    /// use keysync::domain::LifecycleAction;
    /// harness.events().action(LifecycleAction::Rotate, key, now).taken().await;
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// use keysync::domain::KeyFacts;
    /// use keysync_harness::EpochMillis;
    /// # async fn example(harness: &keysync_harness::Harness, key: &KeyFacts, now: EpochMillis) {
    /// harness.events().purge(&key.crn, now).taken().await;
    /// # }
    /// ```
    pub fn purge(&self, key: &KeyCrn, occurred_at: EpochMillis) -> Delivery {
        self.publish("kms.secrets.purge", key, occurred_at, json!({}))
    }

    /// Publishes that a resource was registered with a key, or (false) is no longer.
    ///
    /// ```no_run
    /// use keysync::domain::KeyFacts;
    /// use keysync_harness::EpochMillis;
    /// # async fn example(harness: &keysync_harness::Harness, key: &KeyFacts, now: EpochMillis) {
    /// let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:bucket".parse().unwrap();
    /// harness.events().registration(&key.crn, &bucket, true, now).taken().await;
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// use keysync::domain::KeyFacts;
    /// use keysync_harness::EpochMillis;
    /// # async fn example(harness: &keysync_harness::Harness, key: &KeyFacts, now: EpochMillis) {
    /// harness.events().acknowledgement(&key.crn, "an event's id", "DEK_DELETED", now).taken().await;
    /// # }
    /// ```
    pub fn acknowledgement(
        &self,
        key: &KeyCrn,
        event_id: &str,
        key_state: &str,
        occurred_at: EpochMillis,
    ) -> Delivery {
        let detail = json!({"eventId": event_id, "adopterKeyState": key_state});
        self.publish("kms.secrets-event.ack", key, occurred_at, detail)
    }

    fn publish(&self, kind: &str, key: &KeyCrn, occurred_at: EpochMillis, mut detail: Value) -> Delivery {
        detail["schemaVersion"] = json!(1);
        detail["keyCrn"] = json!(key);
        detail["occurredAt"] = json!(occurred_at.to_string());
        self.publish_raw(&self.envelope(kind, &detail).to_string())
    }

    /// An event as `EventBridge` puts it into a queue.
    ///
    /// ```no_run
    /// # fn example(harness: &keysync_harness::Harness) {
    /// let detail = serde_json::json!({"schemaVersion": 2});
    /// let event = harness.events().envelope("kms.secrets.rotate", &detail);
    /// assert_eq!(event["detail-type"], "kms.secrets.rotate");
    /// # }
    /// ```
    #[must_use]
    pub fn envelope(&self, kind: &str, detail: &Value) -> Value {
        json!({
            "version": "0",
            "id": Uuid::new_v4().to_string(),
            "source": "kms",
            "account": "000000000000",
            "region": "us-east-1",
            "time": EpochMillis::new(self.clock.now().secs() * 1000).to_string(),
            "resources": [detail["keyCrn"]],
            "detail-type": kind,
            "detail": detail,
        })
    }

    /// Publishes any text: what a test makes up, or the same event once more.
    ///
    /// ```no_run
    /// # async fn example(harness: &keysync_harness::Harness) -> Result<(), Box<dyn std::error::Error>> {
    /// harness.events().publish_raw("what no function can read").taken().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_raw(&self, event: &str) -> Delivery {
        self.queue.send(event)
    }

    /// The queue between the bus and the function.
    ///
    /// ```no_run
    /// # fn example(harness: &keysync_harness::Harness) {
    /// harness.events().queue().hold();
    /// # }
    /// ```
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

#[cfg(test)]
mod tests {
    use keysync::domain::{KeyState, KeyType, KeyVersion};

    use super::*;

    const SCHEMA: &str = include_str!("../../../docs/reference/lifecycle-event.schema.json");
    const KEY: &str = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";
    const BUCKET: &str = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:invoices";
    const EVENT_ID: &str =
        "02fd6835-6001-4482-a892-13bd2085f75d:019aaf60-0000-7000-8000-000000000001:cloud-object-storage";

    #[test]
    fn what_is_published_is_what_the_schema_says() {
        let bus = EventBus::new(Queue::without_a_function(), Clock::system());
        bus.queue().hold();
        publish_each_kind(&bus);
        let mut events = Vec::new();
        bus.queue().release(|bodies| events.clone_from(bodies));
        assert_eq!(events.len(), 10);

        let schema = jsonschema::draft202012::options().should_validate_formats(true);
        let schema = schema.build(&SCHEMA.parse().unwrap()).unwrap();
        for event in events {
            let problem = schema.validate(&event.parse().unwrap()).err().map(|error| error.to_string());
            assert_eq!(problem, None, "{event}");
        }
    }

    fn publish_each_kind(bus: &EventBus) {
        let at = EpochMillis::new(1_795_496_400_123);
        let mut facts = KeyFacts {
            crn: KEY.parse().unwrap(),
            key_type: KeyType::Root,
            state: KeyState::Active,
            ring: "default".parse().unwrap(),
            version: KeyVersion { id: "v-1".to_owned(), created_at: at },
        };
        for (action, state) in [
            (LifecycleAction::Create, KeyState::Active),
            (LifecycleAction::Rotate, KeyState::Active),
            (LifecycleAction::Disable, KeyState::Suspended),
            (LifecycleAction::Enable, KeyState::Deactivated),
            (LifecycleAction::Delete, KeyState::Destroyed),
            (LifecycleAction::Restore, KeyState::Active),
        ] {
            facts.state = state;
            let _ = bus.action(action, &facts, at);
        }
        let bucket = BUCKET.parse().unwrap();
        let _ = bus.registration(&facts.crn, &bucket, true, at);
        let _ = bus.registration(&facts.crn, &bucket, false, at);
        let _ = bus.acknowledgement(&facts.crn, EVENT_ID, "DEK_DELETED", at);
        let _ = bus.purge(&facts.crn, at);
    }
}
