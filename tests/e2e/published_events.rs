//! Every event that the emulated event bus publishes conforms to the published schema.

use keysync::domain::{EpochMillis, KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction};
use keysync_testkit::{Harness, events::EventBus, lambda::Mode};

const SCHEMA: &str = include_str!("../../docs/reference/lifecycle-event.schema.json");
const KEY: &str = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";
const BUCKET: &str = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:invoices";
const EVENT_ID: &str =
    "02fd6835-6001-4482-a892-13bd2085f75d_019aaf60-0000-7000-8000-000000000001_cloud-object-storage";

#[tokio::test]
async fn published_events_conform_to_the_schema() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let bus = harness.events();
    bus.queue().hold();
    publish_each_kind(bus);
    let mut events = Vec::new();
    bus.queue().release(|bodies| events.append(bodies));
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
    let _ = bus.acknowledgement(&facts.crn, EVENT_ID, "DEK_DELETED", None, at);
    let _ = bus.purge(&facts.crn, at);
}
