//! The parts of a harness, and the operations on several of them. Shared by [`Harness`] and the
//! control API.
//!
//! [`Harness`]: crate::Harness

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use httpmock::MockServer;
use keysync::domain::InstanceId;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    Client, HarnessClock, HarnessError, NewKey,
    dynamodb::{Dynamo, Proxy},
    events::{DeadLetterQueue, EventBus},
    iam::{Iam, Identity, Roles},
    info::Info,
    journal::Journal,
    key::Owner,
    lambda::{Function, InvocationFailed, Worker, schedule},
    secrets::SecretsManager,
    services::{AssociatedService, DATABASES, OBJECT_STORAGE},
    time::ClockControl,
    world::{Person, REGION, World},
};
use keysync_emulator_support::{secret_scanner::KnownSecrets, server::Server};
use keysync_kms_emulator::Endpoint;

/// The parts of a harness.
pub(crate) struct Parts {
    pub(crate) dynamo: Dynamo,
    pub(crate) iam: Iam,
    pub(crate) services: Vec<AssociatedService>,
    pub(crate) mocks: BTreeMap<String, MockServer>,
    pub(crate) endpoint: Endpoint,
    pub(crate) endpoint_url: String,
    pub(crate) function: Function,
    /// The environment that `sync` was started with.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) lifecycle: Worker,
    pub(crate) redeliver: Worker,
    pub(crate) events: EventBus,
    pub(crate) dead_letters: DeadLetterQueue,
    pub(crate) secrets: SecretsManager,
    pub(crate) journal: Journal,
    pub(crate) world: World,
    pub(crate) public_key: String,
    pub(crate) known_secrets: KnownSecrets,
    /// The ids of the sample keys: the root key and the standard key.
    pub(crate) samples: Mutex<Option<(String, String)>>,
    pub(crate) manager: OnceLock<Client>,
    pub(crate) time: ClockControl,
    pub(crate) clock: HarnessClock,
    pub(crate) table: String,
    pub(crate) iam_server: Server,
    pub(crate) service_server: Server,
}

impl Parts {
    pub(crate) fn instance(&self) -> InstanceId {
        InstanceId::new(self.world.instance)
    }

    pub(crate) fn owner(&self) -> Owner {
        let (account, instance) = (self.world.account.clone(), self.instance().to_string());
        Owner { account, instance, services: self.services.clone() }
    }

    pub(crate) async fn manager(&self) -> Result<Client, HarnessError> {
        if let Some(manager) = self.manager.get() {
            return Ok(manager.clone());
        }
        let manager = Client::of(self, &self.world.manager.api_key).await?;
        // Two simultaneous calls log in as the same identity; the first one is stored.
        Ok(self.manager.get_or_init(|| manager).clone())
    }

    /// Creates an identity with `roles`, and returns its API key.
    pub(crate) fn create_identity(&self, roles: Roles) -> String {
        let Person { iam_id, api_key } = Person::new();
        for role in roles {
            self.iam.grant(&iam_id, self.instance(), role);
        }
        let account = self.world.account.clone();
        self.iam.add_identity(Identity { iam_id, account, api_key: api_key.clone() });
        api_key
    }

    pub(crate) fn service(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        let found = self.services.iter().find(|service| service.name() == name);
        found.ok_or_else(|| HarnessError::NoService(name.to_owned()))
    }

    /// The proxies in front of DynamoDB.
    pub(crate) fn proxies(&self) -> [&Proxy; 3] {
        let dynamo = &self.dynamo;
        [dynamo.proxy(), dynamo.lifecycle_proxy(), dynamo.redeliver_proxy()]
    }

    pub(crate) async fn redeliver(&self) -> Result<Value, InvocationFailed> {
        self.redeliver.invoke(&schedule::event()).await
    }

    pub(crate) async fn advance_clock(&self, by: Duration) -> Result<(), HarnessError> {
        self.time.advance_clock(by).await
    }

    pub(crate) async fn reset(&self) -> Result<(), HarnessError> {
        for proxy in self.proxies() {
            proxy.clear_faults();
            proxy.release();
        }
        self.events.queue().release(Vec::clear);
        for service in &self.services {
            service.reset();
        }
        for mock in self.mocks.values() {
            mock.reset(); // does not block: the mock is in this process
        }
        // Calls in progress finish before the table is cleared.
        for proxy in self.proxies() {
            proxy.wait_until_quiet().await;
            drop(proxy.take_calls());
        }
        self.endpoint.store().clear().await?;
        *self.samples.lock().await = None;
        self.world.save(&self.dynamo.client(), &self.table).await?;
        self.iam.reset();
        self.world.register_in(&self.iam);
        self.dead_letters.clear();
        self.secrets.reset();
        self.journal.clear();
        Ok(())
    }

    pub(crate) async fn sample_keys(&self) -> Result<(String, String), HarnessError> {
        let mut samples = self.samples.lock().await;
        if let Some(keys) = &*samples {
            return Ok(keys.clone());
        }
        let root = NewKey::new(self, "sample-root-key")
            .with_registration(OBJECT_STORAGE, "sample-bucket")
            .with_registration(DATABASES, "sample-database");
        let root = root.create().await?.id().to_owned();
        let standard = NewKey::new(self, "sample-standard-key").standard().create().await?.id().to_owned();
        let (root_key, standard_key) = (Some(root.clone()), Some(standard.clone()));
        let world = World { root_key, standard_key, ..self.world.clone() };
        world.save(&self.dynamo.client(), &self.table).await?;
        *samples = Some((root.clone(), standard.clone()));
        Ok((root, standard))
    }

    pub(crate) async fn info(&self) -> Result<Info, HarnessError> {
        let (root_key_id, standard_key_id) = self.sample_keys().await?;
        Ok(Info {
            endpoint: self.endpoint_url.clone(),
            iam: self.iam_server.url(),
            dynamodb: self.dynamo.url().to_owned(),
            control: format!("{}/_harness", self.endpoint_url),
            console: format!("{}{}", self.endpoint_url, keysync_console::BASE),
            services: self.service_server.url(),
            function: self.function.url(),
            api_key: self.world.manager.api_key.clone(),
            reader_api_key: self.world.reader.api_key.clone(),
            instance_id: self.instance().to_string(),
            region: REGION.to_owned(),
            account: self.world.account.clone(),
            callback_public_key: self.public_key.clone(),
            root_key_id,
            standard_key_id,
        })
    }
}
