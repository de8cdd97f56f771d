//! Snapshots of a harness's state, which can be restored here or in another harness.

mod format;

use std::{collections::BTreeMap, num::NonZeroU64, time::Duration};

use keysync::domain::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parts;
use crate::{
    HarnessError, SampleKeys, dynamodb::InjectedFault, events::DeadLetterState, iam::IamState,
    journal::Exchange, secrets, services::ServiceState, world,
};

/// The state of a harness at one instant: the table, with all keys, registrations and
/// notifications; the services with their resources, callbacks and behaviours; the requests of the
/// journal; identities and policies of IAM; injected faults; dead letters; and the schedule of
/// `redeliver`.
///
/// It is JSON that can be stored and shared. It has the material of keys and the API keys of
/// identities that a test created, but no API key of the harness itself, no token and no signing
/// key. Another version of the harness may reject it.
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
#[serde(try_from = "Value")]
pub struct Snapshot(Contents);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "control-api", schema(as = SnapshotContents))]
#[serde(deny_unknown_fields)]
struct Contents {
    /// The version of this format.
    format: u32,
    /// The instant, in epoch ms by the harness's clock.
    #[cfg_attr(feature = "control-api", schema(value_type = u64))]
    at: EpochMillis,
    origin: Origin,
    /// The ids of the sample keys: the root key's and the standard key's; null without sample keys.
    samples: Option<[String; 2]>,
    /// The items of the table.
    items: Vec<Value>,
    /// The emulated services, by name.
    services: BTreeMap<String, ServiceState>,
    /// The requests of the journal, oldest first.
    requests: Vec<Exchange>,
    iam: IamState,
    faults: Faults,
    dead_letters: DeadLetterState,
    /// The interval at which `redeliver` runs, in ms; null without a schedule.
    #[cfg_attr(feature = "control-api", schema(value_type = Option<u64>, minimum = 1))]
    redeliver_every_millis: Option<NonZeroU64>,
    /// The public keys of callbacks, newest last.
    public_keys: Vec<String>,
}

/// The harness of a snapshot. Its ids are random, so that no other text contains them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "control-api", schema(as = SnapshotOrigin))]
#[serde(deny_unknown_fields)]
struct Origin {
    instance: String,
    /// The account that owns the instance.
    account: String,
    /// The IAM ID of the Manager.
    manager: String,
    /// The IAM ID of the Reader.
    reader: String,
}

/// The faults that were injected, but those of IAM and services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "control-api", schema(as = SnapshotFaults))]
#[serde(deny_unknown_fields)]
struct Faults {
    /// The faults of calls to DynamoDB: of `sync`, `lifecycle` and `redeliver`.
    #[cfg_attr(feature = "control-api", schema(value_type = Vec<Vec<Object>>))]
    dynamodb: [Vec<InjectedFault>; 3],
    /// The fault of Secrets Manager.
    secrets: Option<secrets::Fault>,
}

impl Parts {
    /// A snapshot of the present state.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, HarnessError> {
        let samples = self.kms.samples.lock().await;
        let mut items = Vec::new();
        for item in self.kms.endpoint.store().everything().await? {
            let item: Value = serde_dynamo::from_item(item).map_err(HarnessError::table)?;
            if !world::is_own_item(&item) {
                items.push(item);
            }
        }
        let origin = self.origin();
        let own = [&origin.manager, &origin.reader];
        let [sync, lifecycle, redeliver] = self.dynamo.proxies();
        let emulated = self.services.emulated.iter();
        let interval = self.lambda.redeliver_interval();
        Ok(Snapshot(Contents {
            format: format::PRESENT,
            at: self.context.clock.now(),
            samples: samples.clone().map(|SampleKeys { root, standard }| [root, standard]),
            items,
            services: emulated.map(|service| (service.name().to_owned(), service.state_to_store())).collect(),
            requests: self.context.journal.to_store(),
            iam: self.iam.emulator.state_to_store(|identity| !own.contains(&&identity.iam_id)),
            faults: Faults {
                dynamodb: [sync.faults()?, lifecycle.faults()?, redeliver.faults()?],
                secrets: self.lambda.secrets.fault(),
            },
            dead_letters: self.lambda.dead_letters.state_to_store(),
            redeliver_every_millis: interval.map(millis),
            public_keys: self.public_keys(),
            origin,
        }))
    }

    /// Resets this harness, and restores the state of a snapshot. All instants are moved by the
    /// time that has passed since the snapshot, by the harness's clock: a sync that was possible
    /// from 20 minutes later is possible from 20 minutes later. Instance, account, Manager and
    /// Reader become those of this harness.
    pub(crate) async fn restore(&self, snapshot: &Snapshot) -> Result<(), HarnessError> {
        let snapshot = snapshot.in_harness(&self.origin(), self.context.clock.now());
        let snapshot = snapshot.map_err(|error| HarnessError::Snapshot(error.to_string()))?;
        let mut items = Vec::new();
        for item in &snapshot.items {
            items.push(
                serde_dynamo::to_item(item).map_err(|error| HarnessError::Snapshot(error.to_string()))?,
            );
        }
        self.reset().await?;
        self.clear_table().await?;
        let mut samples = self.kms.samples.lock().await;
        *samples = snapshot.samples.map(|[root, standard]| SampleKeys { root, standard });
        match &*samples {
            Some(keys) => self.save_with(keys).await?,
            None => self.world.save(&self.dynamo).await?,
        }
        for item in items {
            self.put(item).await?;
        }
        // It restarts the functions, so it precedes the faults.
        self.restore_signing_keys(&snapshot.public_keys).await?;
        let mut services = snapshot.services;
        for service in &self.services.emulated {
            service.restore_state(services.remove(service.name()).unwrap_or_default());
        }
        self.iam.emulator.restore_state(snapshot.iam);
        self.lambda.dead_letters.restore_state(snapshot.dead_letters);
        self.lambda.secrets.fail_with(snapshot.faults.secrets);
        self.lambda
            .redeliver_every(snapshot.redeliver_every_millis.map(|every| Duration::from_millis(every.get())));
        for (proxy, faults) in self.dynamo.proxies().into_iter().zip(snapshot.faults.dynamodb) {
            proxy.set_faults(faults);
        }
        self.context.journal.restore(snapshot.requests);
        Ok(())
    }

    fn origin(&self) -> Origin {
        Origin {
            instance: self.instance().to_string(),
            account: self.world.account.clone(),
            manager: self.world.manager.iam_id.clone(),
            reader: self.world.reader.iam_id.clone(),
        }
    }
}

/// The interval in ms, at least one.
fn millis(interval: Duration) -> NonZeroU64 {
    u64::try_from(interval.as_millis()).ok().and_then(NonZeroU64::new).unwrap_or(NonZeroU64::MIN)
}
