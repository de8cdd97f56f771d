//! Snapshots of a harness's state, which can be restored here or in another harness.

use std::collections::BTreeMap;

use keysync::domain::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parts;
use crate::{HarnessError, SampleKeys, services::ServiceState, time, world};

/// The format that this version writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// The state of a harness at one instant: the table, with all keys, registrations and
/// notifications; and the services' resources and the states that they were notified of.
///
/// It is JSON that can be stored and shared. It has the material of keys, which is that of tests,
/// and no API key, token or signing key.
///
/// ```
/// use keysync_testkit::{Harness, Snapshot};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let harness = Harness::start().await?;
/// let key = harness.new_key("invoices").create().await?;
/// key.sync().await?.assert_status(204);
/// let file = serde_json::to_string(&harness.snapshot().await?)?;
///
/// let other = Harness::start().await?;
/// let snapshot: Snapshot = serde_json::from_str(&file)?;
/// other.restore(&snapshot).await?;
/// other.key(key.id()).await?.sync().await?.assert_error(409, "REQ_TOO_EARLY_ERR");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this format.
    format: u32,
    /// The instant, in epoch ms by the harness's clock.
    #[cfg_attr(feature = "control-api", schema(value_type = u64))]
    at: EpochMillis,
    /// The harness's instance.
    instance: String,
    /// The account that owns it.
    account: String,
    /// The ids of the sample keys: the root key's and the standard key's; null without sample keys.
    samples: Option<[String; 2]>,
    /// The items of the table.
    items: Vec<Value>,
    /// The states of the emulated services, by name.
    services: BTreeMap<String, ServiceState>,
}

impl Parts {
    /// A snapshot of the present state.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, HarnessError> {
        let samples = self.kms.samples.lock().await;
        let mut items = Vec::new();
        for item in self.kms.endpoint.store().everything().await? {
            let item: Value = serde_dynamo::from_item(item).map_err(HarnessError::table)?;
            if !world::is_item(&item) {
                items.push(item);
            }
        }
        let emulated = self.services.emulated.iter();
        Ok(Snapshot {
            format: FORMAT,
            at: self.context.clock.now(),
            instance: self.instance().to_string(),
            account: self.world.account.clone(),
            samples: samples.clone().map(|SampleKeys { root, standard }| [root, standard]),
            items,
            services: emulated.map(|service| (service.name().to_owned(), service.state_to_store())).collect(),
        })
    }

    /// Resets this harness, and restores the state of a snapshot. All instants are moved by the
    /// time that has passed since the snapshot, by the harness's clock: a sync that was possible
    /// from 20 minutes later is possible from 20 minutes later. Instance and account become those
    /// of this harness.
    pub(crate) async fn restore(&self, snapshot: &Snapshot) -> Result<(), HarnessError> {
        let snapshot = self.adopted(snapshot)?;
        let now = i128::from(self.context.clock.now().get());
        let offset = now - i128::from(snapshot.at.get());
        let mut items = Vec::new();
        for item in snapshot.items {
            let item =
                serde_dynamo::to_item(item).map_err(|error| HarnessError::Snapshot(error.to_string()))?;
            items.push(time::moved_item(item, offset));
        }
        self.reset().await?;
        self.kms.endpoint.store().clear().await?;
        let mut samples = self.kms.samples.lock().await;
        *samples = snapshot.samples.map(|[root, standard]| SampleKeys { root, standard });
        match &*samples {
            Some(keys) => self.save_with(keys).await?,
            None => self.world.save(&self.dynamo).await?,
        }
        for item in items {
            self.put(item).await?;
        }
        for service in &self.services.emulated {
            service.restore_state(snapshot.services.get(service.name()).cloned().unwrap_or_default());
        }
        Ok(())
    }

    /// The snapshot with the instance and the account of this harness. Both are random, so that no
    /// other text contains them.
    fn adopted(&self, snapshot: &Snapshot) -> Result<Snapshot, HarnessError> {
        let invalid = |reason: String| HarnessError::Snapshot(reason);
        if snapshot.format != FORMAT {
            return Err(invalid(format!(
                "its format is {}, and this version reads {FORMAT}",
                snapshot.format
            )));
        }
        for (name, value) in [("instance", &snapshot.instance), ("account", &snapshot.account)] {
            if value.len() < 32 || !value.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
                return Err(invalid(format!("its {name} is not one of a harness")));
            }
        }
        let is_valid =
            |item: &Value| item["pk"].is_string() && item["sk"].is_string() && !world::is_item(item);
        if !snapshot.items.iter().all(is_valid) {
            return Err(invalid(
                "an item has no `pk` or `sk`, or is the initial state of a harness".to_owned(),
            ));
        }
        let text = serde_json::to_string(snapshot).map_err(|error| invalid(error.to_string()))?;
        let text = text.replace(&snapshot.instance, &self.world.instance.to_string());
        let text = text.replace(&snapshot.account, &self.world.account);
        serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))
    }
}
