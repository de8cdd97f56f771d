//! The starting point of most end-to-end tests: a harness, a Manager of its instance, and a root
//! key with two associated services.

use std::{sync::Mutex, time::Duration};

use keysync::domain::EpochMillis;
use keysync_testkit::{Client, Harness, HarnessBuilder, Response};
use serde_json::Value;

use crate::{binaries::binaries, engine::on_the_engine_under_test};

/// A harness with a Manager and a root key.
pub(crate) struct World {
    pub(crate) harness: Harness,
    pub(crate) manager: Client,
    /// The id of a root key that protects a bucket and a database and was never synchronized.
    pub(crate) key: String,
    /// The instants at which the table's times were moved back, and by how much.
    pub(crate) advanced: Mutex<Vec<(EpochMillis, Duration)>>,
}

/// A world whose function is the real binary, in one process.
pub(crate) async fn world() -> World {
    world_of(binaries()).await
}

pub(crate) async fn world_of(builder: HarnessBuilder) -> World {
    let harness = on_the_engine_under_test(builder).start().await.unwrap();
    let key = harness.sample_keys().await.unwrap().root;
    let manager = Client::log_in(&harness, harness.api_key()).await.unwrap();
    // The first call starts the recording of writes: `World::assert_follows_model`.
    drop(harness.dynamodb().take_applied());
    World { harness, manager, key, advanced: Mutex::default() }
}

impl World {
    /// Synchronizes the key.
    pub(crate) async fn sync(&self) -> Response {
        self.manager.sync(&self.key).await.unwrap()
    }

    /// Takes a lifecycle action by its path below the key, such as `actions/rotate`.
    pub(crate) async fn take(&self, action: &str) -> Response {
        self.manager.post(&format!("/api/v2/keys/{}/{action}", self.key)).await.unwrap()
    }

    /// All items of the table, in a fixed order.
    pub(crate) async fn all_items(&self) -> Vec<Value> {
        let mut items = self.harness.items().await.unwrap();
        items.sort_by_key(|item| format!("{} {}", item["pk"], item["sk"]));
        items
    }

    /// Advances the clock. For the real binaries, the harness moves the table's times back instead.
    pub(crate) async fn advance_clock(&self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
        if self.harness.sync_function().process().is_some() {
            self.advanced.lock().unwrap().push((self.harness.clock().now(), by));
        }
    }
}

/// The content of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a JSON string: {value}")).to_owned()
}
