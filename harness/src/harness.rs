//! A running harness, and the handles to all that it is made of.

use std::{sync::Arc, time::Duration};

use keysync::key::InstanceId;
use serde_json::Value;

use crate::{
    Client, HarnessBuilder, HarnessError, Key, NewKey,
    clock::HarnessClock,
    dynamo::Dynamo,
    events::{DeadLetterQueue, EventBus, Feeder},
    function::{Function, InvocationFailed, Worker},
    iam::{Iam, Role},
    info::Info,
    journal::Journal,
    parts::Parts,
    schedule::Schedule,
    server::Server,
    services::AssociatedService,
    world::REGION,
};

/// A running harness. Dropping it ends all of it, the function's processes included.
///
/// ```
/// use keysync_harness::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_harness::HarnessError> {
/// let harness = Harness::builder().start().await?; // the real binary, behind an emulated Lambda
/// let key = harness.new_key("invoices").protecting("cloud-object-storage", "bucket").create().await?;
///
/// key.sync().await?.assert_status(204);
///
/// harness.object_storage().assert_callbacks(&key, 1);
/// # Ok(())
/// # }
/// ```
pub struct Harness {
    pub(crate) parts: Arc<Parts>,
    pub(crate) _feeder: Feeder,
    pub(crate) _schedule: Option<Schedule>,
    pub(crate) _endpoint: Server,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Harness({})", self.endpoint_url())
    }
}

impl Harness {
    /// A harness, to be put together.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_harness::HarnessError> {
    /// let harness = keysync_harness::Harness::builder().start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// Makes a key, once [`NewKey::create`] is called.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let key = harness.new_key("invoices").protecting("cloud-object-storage", "bucket").create().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new_key(&self, name: &str) -> NewKey<'_> {
        NewKey::new(&self.parts, name)
    }

    /// A handle to the key with this id, acted on by the Manager.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness, id: &str) -> Result<(), keysync_harness::HarnessError> {
    /// harness.key(id).await?.sync().await?.assert_status(204);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn key(&self, id: &str) -> Result<Key, HarnessError> {
        Ok(Key::new(id.to_owned(), self.manager().await?, self.parts.owner()))
    }

    /// Somebody with the role Manager.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let key = harness.manager().await?.create_key("invoices", false).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn manager(&self) -> Result<Client, HarnessError> {
        self.parts.manager().await
    }

    /// Somebody new, with this role in the instance.
    ///
    /// ```no_run
    /// use keysync_harness::iam::Role;
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let writer = harness.log_in_as(Role::Writer).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_in_as(&self, role: Role) -> Result<Client, HarnessError> {
        Client::log_in(self, &self.parts.somebody(role)).await
    }

    /// The endpoint's address, without a slash at the end.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let sync = format!("{}/api/v2/keys/an-alias/actions/sync", harness.endpoint_url());
    /// # }
    /// ```
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.parts.endpoint_url.clone()
    }

    /// The endpoint's address by which the host names the instance.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// assert!(harness.instance_url().contains(".api.us-south.hs-crypto.localhost:"));
    /// # }
    /// ```
    #[must_use]
    pub fn instance_url(&self) -> String {
        let port = self.endpoint_url().rsplit(':').next().unwrap_or_default().to_owned();
        format!("http://{}.api.{REGION}.hs-crypto.localhost:{port}", self.instance())
    }

    /// IAM's address, without a slash at the end.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let tokens = format!("{}/identity/token", harness.iam_url());
    /// # }
    /// ```
    #[must_use]
    pub fn iam_url(&self) -> String {
        self.parts.iam_server.url()
    }

    /// The address of the emulated services, without a slash at the end.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let bucket = format!("{}/cloud-object-storage/resources/bucket", harness.services_url());
    /// # }
    /// ```
    #[must_use]
    pub fn services_url(&self) -> String {
        self.parts.service_server.url()
    }

    /// Everything that a client in another process has to know. Makes the sample keys.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// println!("{}", harness.info().await?.endpoint);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn info(&self) -> Result<Info, HarnessError> {
        self.parts.info().await
    }

    /// The instance that is there from the start.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let header = ("bluemix-instance", harness.instance().to_string());
    /// # }
    /// ```
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.parts.instance()
    }

    /// The account that owns it.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let scope = format!("a/{}", harness.account());
    /// # }
    /// ```
    #[must_use]
    pub fn account(&self) -> &str {
        &self.parts.world.account
    }

    /// The API key of somebody with the role Manager.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let manager = keysync_harness::Client::log_in(&harness, harness.api_key()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.parts.world.manager.api_key
    }

    /// The API key of somebody with the role Reader.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let reader = keysync_harness::Client::log_in(&harness, harness.reader_api_key()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn reader_api_key(&self) -> &str {
        &self.parts.world.reader.api_key
    }

    /// The key that verifies callbacks, as receivers configure it: `whpk_…`.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// assert!(harness.callback_public_key().starts_with("whpk_"));
    /// # }
    /// ```
    #[must_use]
    pub fn callback_public_key(&self) -> &str {
        &self.parts.public_key
    }

    /// IAM: tokens, roles, keys, faults.
    ///
    /// ```no_run
    /// use keysync_harness::iam::Health;
    /// # fn example(harness: keysync_harness::Harness) {
    /// harness.iam().set_health(Health::Down);
    /// # }
    /// ```
    #[must_use]
    pub fn iam(&self) -> &Iam {
        &self.parts.iam
    }

    /// DynamoDB, and the proxies through which the functions reach it.
    ///
    /// ```no_run
    /// use keysync_harness::dynamo::{Fault, Times};
    /// # fn example(harness: keysync_harness::Harness) {
    /// harness.dynamo().proxy().inject_on("UpdateItem", Fault::LoseAnswer, Times::Next(1));
    /// # }
    /// ```
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.parts.dynamo
    }

    /// The name of the table.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// assert_eq!(harness.table(), "keysync");
    /// # }
    /// ```
    #[must_use]
    pub fn table(&self) -> &str {
        &self.parts.table
    }

    /// The function under test.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// println!("{}", harness.function().url());
    /// # }
    /// ```
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.parts.function
    }

    /// The function that takes lifecycle events. What feeds it is [`Harness::events`].
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let log = harness.lifecycle().processes().map(|processes| processes.log());
    /// # }
    /// ```
    #[must_use]
    pub fn lifecycle(&self) -> &Worker {
        &self.parts.lifecycle
    }

    /// The function that delivers what nobody confirmed.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let log = harness.redeliverer().processes().map(|processes| processes.log());
    /// # }
    /// ```
    #[must_use]
    pub fn redeliverer(&self) -> &Worker {
        &self.parts.redeliver
    }

    /// Runs `redeliver` once, and returns its summary.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let harness = keysync_harness::Harness::builder().start().await?;
    /// let summary = harness.redeliver().await?;
    /// assert_eq!(summary["delivered"], 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn redeliver(&self) -> Result<Value, InvocationFailed> {
        self.parts.redeliver().await
    }

    /// The event bus of the key-management service.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// harness.events().publish_raw("what no function can read");
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.parts.events
    }

    /// Where events go that will never come right.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) {
    /// println!("{}", harness.dead_letters().wait_for(1).await[0].reason);
    /// # }
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetterQueue {
        &self.parts.dead_letters
    }

    /// The clock of all that runs in this process.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// println!("{}", harness.clock().now());
    /// # }
    /// ```
    #[must_use]
    pub fn clock(&self) -> &HarnessClock {
        &self.parts.clock
    }

    /// What was asked of endpoint, IAM and services so far.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// println!("{}", harness.journal());
    /// # }
    /// ```
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.parts.journal
    }

    /// Makes it later, for the function, too.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// harness.travel(std::time::Duration::from_mins(61)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn travel(&self, by: Duration) -> Result<(), HarnessError> {
        self.parts.travel(by).await
    }

    /// Makes everything as it was at the start: no keys, no faults, services that know nothing and act, a
    /// journal that is empty. What stays: addresses, API keys, signing keys, and the time, which goes
    /// forward only. Do it when nothing else happens.
    ///
    /// ```
    /// use keysync_harness::{Harness, function::Mode};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_harness::HarnessError> {
    /// let harness = Harness::builder().function(Mode::InProcess).start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// harness.reset().await?;
    /// key.sync().await?.assert_refused(404, "KEY_NOT_FOUND_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reset(&self) -> Result<(), HarnessError> {
        self.parts.reset().await
    }

    /// All emulated services.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// let names: Vec<&str> = harness.services().iter().map(|service| service.name()).collect();
    /// assert_eq!(names, ["cloud-object-storage", "databases-for-postgresql"]);
    /// # }
    /// ```
    #[must_use]
    pub fn services(&self) -> &[AssociatedService] {
        &self.parts.services
    }

    /// The emulated service with this CRN service name.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// harness.service("databases-for-postgresql")?.assert_opens("ledger");
    /// # Ok(())
    /// # }
    /// ```
    pub fn service(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        self.parts.service(name)
    }

    /// Object storage.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// harness.object_storage().assert_opens("bucket");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Where the builder put another receiver in its place.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake in the test that put it together")]
    pub fn object_storage(&self) -> &AssociatedService {
        self.service(crate::services::OBJECT_STORAGE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Databases.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_harness::Harness) {
    /// harness.databases().assert_opens("ledger");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Where the builder put another receiver in its place.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake in the test that put it together")]
    pub fn databases(&self) -> &AssociatedService {
        self.service(crate::services::DATABASES).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The `httpmock` server that stands for a service, where [`HarnessBuilder::mock`] asked for one. A
    /// callback that meets no expectation is answered 404, and thus tried again.
    ///
    /// ```
    /// use keysync_harness::{Harness, function::Mode, httpmock::Method::POST};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_harness::HarnessError> {
    /// let harness = Harness::builder().function(Mode::InProcess).mock("ledgers").start().await?;
    /// let key = harness.new_key("invoices").protecting("ledgers", "main").create().await?;
    /// let told = harness.mock("ledgers")?.mock_async(|when, then| {
    ///     when.method(POST).header_exists("webhook-signature").json_body_includes(r#"{"data":{"renotification":true}}"#);
    ///     then.status(204);
    /// });
    /// let told = told.await;
    ///
    /// key.sync().await?.assert_status(204);
    ///
    /// told.assert_calls_async(1).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mock(&self, name: &str) -> Result<&httpmock::MockServer, HarnessError> {
        self.parts.mocks.get(name).ok_or_else(|| HarnessError::NoService(name.to_owned()))
    }

    /// Every item of the table as it stands, as JSON, past the API.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_harness::HarnessError> {
    /// # let harness = keysync_harness::Harness::builder().start().await?;
    /// let items = harness.items().await?;
    /// assert!(items.iter().all(|item| item["sk"] != "key")); // no key yet
    /// # Ok(())
    /// # }
    /// ```
    pub async fn items(&self) -> Result<Vec<Value>, HarnessError> {
        let items = self.parts.endpoint.store().everything().await?;
        items.into_iter().map(|item| serde_dynamo::from_item(item).map_err(HarnessError::table)).collect()
    }

    /// The root key (it protects a bucket and a database) and the standard key that `harness up` begins
    /// with, made on the first call.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_harness::Harness) -> Result<(), keysync_harness::HarnessError> {
    /// let (root_key, standard_key) = harness.sample_keys().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sample_keys(&self) -> Result<(String, String), HarnessError> {
        self.parts.sample_keys().await
    }
}
