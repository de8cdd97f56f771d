//! The trace of a world's key, replayed through the model of the protocol
//! (`docs/explanation/model.md`, "Comparison with the code").

use std::time::Duration;

use keysync_model::trace;
use keysync_testkit::services::AssociatedService;
use serde_json::Value;

use crate::{
    trace::{by_key, callback, write},
    world::World,
};

/// Whether a service has refused an event with 410.
fn is_refused(item: &Value, event_id: &str) -> bool {
    let mut outcomes = item["outcome"].as_object().into_iter().flatten();
    outcomes.any(|(_, outcome)| outcome["status"] == "refused" && outcome["event_id"] == event_id)
}

impl World {
    /// Asserts that the model explains each write of the world's key so far. The services must
    /// still have all callbacks, and a test calls this once. Does nothing on an engine that records
    /// no writes.
    pub(crate) fn assert_follows_model(&self) {
        let Some(applied) = self.harness.dynamodb().take_applied() else { return };
        let clock = |at: u64| at + self.moved_at(at);
        let of_key = applied.iter().filter(|applied| {
            applied.request["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.ends_with(&self.key))
        });
        let mut steps: Vec<_> =
            of_key.map(|applied| write(applied, 0, |instant| instant + self.moved_at(applied.at))).collect();
        for received in self.harness.services().iter().flat_map(AssociatedService::received) {
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            if body["data"]["keyId"] == self.key.as_str() {
                let id = body["id"].as_str().unwrap();
                let refuses = applied.iter().any(|applied| is_refused(&applied.item, id));
                steps.extend(callback(&received, 0, id, clock(received.at.get()), refuses));
            }
        }
        let trace = by_key(steps, 1).remove(0);
        assert!(!trace.is_empty(), "nothing was recorded");
        if let Err(impossible) = trace::check(&trace) {
            let before: Vec<_> = trace[..impossible.step].iter().map(ToString::to_string).collect();
            panic!("{impossible}\nafter\n    {}", before.join("\n    "));
        }
    }

    /// How far the table's times had been moved back at an instant of the machine's clock, in ms.
    fn moved_at(&self, at: u64) -> u64 {
        let advanced = self.advanced.lock().unwrap();
        let before = advanced.iter().take_while(|(advanced_at, _)| advanced_at.get() <= at);
        let moved: Duration = before.map(|(_, by)| *by).sum();
        u64::try_from(moved.as_millis()).unwrap()
    }
}
