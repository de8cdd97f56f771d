//! A running harness, and the handles to all that it is made of.

use std::time::Duration;

use keysync::key::InstanceId;
use serde_json::Value;

use crate::{
    HarnessBuilder, HarnessError,
    clock::HarnessClock,
    dynamo::Dynamo,
    endpoint::{Endpoint, Store},
    events::{DeadLetterQueue, EventBus, Feeder},
    function::{Function, InvocationFailed, Worker},
    iam::Iam,
    samples,
    schedule::{self, Schedule},
    server::Server,
    services::AssociatedService,
    travel::TimeMachine,
    world::{REGION, World},
};

/// A running harness. Dropping it ends all of it, the function's processes included.
pub struct Harness {
    pub(crate) dynamo: Dynamo,
    pub(crate) iam: Iam,
    pub(crate) services: Vec<AssociatedService>,
    pub(crate) endpoint: Endpoint,
    pub(crate) function: Function,
    pub(crate) lifecycle: Worker,
    pub(crate) redeliver: Worker,
    pub(crate) events: EventBus,
    pub(crate) dead_letters: DeadLetterQueue,
    pub(crate) world: World,
    pub(crate) time: TimeMachine,
    pub(crate) clock: HarnessClock,
    pub(crate) table: String,
    pub(crate) _feeder: Feeder,
    pub(crate) _schedule: Option<Schedule>,
    pub(crate) iam_server: Server,
    pub(crate) service_server: Server,
    pub(crate) endpoint_server: Server,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Harness({})", self.endpoint_url())
    }
}

impl Harness {
    /// A harness, to be put together.
    #[must_use]
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// The endpoint's address, without a slash at the end.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.endpoint_server.url()
    }

    /// The endpoint's address by which the host names the instance.
    #[must_use]
    pub fn instance_url(&self) -> String {
        let port = self.endpoint_server.address().port();
        format!("http://{}.api.{REGION}.hs-crypto.localhost:{port}", self.instance())
    }

    /// IAM's address.
    #[must_use]
    pub fn iam_url(&self) -> String {
        self.iam_server.url()
    }

    /// The address of the associated services.
    #[must_use]
    pub fn services_url(&self) -> String {
        self.service_server.url()
    }

    /// The instance that is there from the start.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        InstanceId::new(self.world.instance)
    }

    /// The account that owns it.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.world.account
    }

    /// The API key of somebody with the role Manager.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.world.manager.api_key
    }

    /// The API key of somebody with the role Reader.
    #[must_use]
    pub fn reader_api_key(&self) -> &str {
        &self.world.reader.api_key
    }

    /// IAM: tokens, roles, keys, faults.
    #[must_use]
    pub fn iam(&self) -> &Iam {
        &self.iam
    }

    /// DynamoDB, and the proxy through which the function reaches it.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// The name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The function under test.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The function that takes lifecycle events. What feeds it is [`Harness::events`].
    #[must_use]
    pub fn lifecycle(&self) -> &Worker {
        &self.lifecycle
    }

    /// The function that delivers what nobody confirmed.
    #[must_use]
    pub fn redeliverer(&self) -> &Worker {
        &self.redeliver
    }

    /// Runs `redeliver` once, and returns its summary.
    pub async fn redeliver(&self) -> Result<Value, InvocationFailed> {
        self.redeliver.invoke(&schedule::event()).await
    }

    /// The event bus of the key-management service.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.events
    }

    /// Where events go that will never come right.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetterQueue {
        &self.dead_letters
    }

    /// The clock of all that runs in this process.
    #[must_use]
    pub fn clock(&self) -> &HarnessClock {
        &self.clock
    }

    /// Makes it later, for the function, too.
    pub async fn travel(&self, by: Duration) -> Result<(), HarnessError> {
        self.time.travel(by).await
    }

    /// All associated services.
    #[must_use]
    pub fn services(&self) -> &[AssociatedService] {
        &self.services
    }

    /// The service with this CRN service name.
    pub fn service(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        let found = self.services.iter().find(|service| service.name() == name);
        found.ok_or_else(|| HarnessError::NoService(name.to_owned()))
    }

    /// Object storage.
    #[must_use]
    pub fn object_storage(&self) -> &AssociatedService {
        &self.services[0]
    }

    /// Databases.
    #[must_use]
    pub fn databases(&self) -> &AssociatedService {
        &self.services[1]
    }

    /// Keys, registrations and aliases, past the API.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.endpoint.store()
    }

    /// The root key and the standard key that are there from the start, made on the first call.
    pub async fn sample_keys(&mut self) -> Result<(String, String), HarnessError> {
        if let (Some(root), Some(standard)) = (&self.world.root_key, &self.world.standard_key) {
            return Ok((root.clone(), standard.clone()));
        }
        let root = samples::root_key(self).await?;
        let standard = samples::standard_key(self).await?;
        self.world.root_key = Some(root.clone());
        self.world.standard_key = Some(standard.clone());
        self.world.save(&self.dynamo.client(), &self.table).await?;
        Ok((root, standard))
    }
}
