//! The parts of a harness, each to be looked at, disturbed and asserted about.

use crate::{
    Harness, HarnessClock, HarnessError,
    dynamodb::Dynamo,
    events::{DeadLetterQueue, EventBus},
    iam::Iam,
    journal::Journal,
    lambda::{Function, Worker},
    secrets::SecretsManager,
    services::AssociatedService,
};

impl Harness {
    /// IAM: tokens, roles, keys, faults.
    #[must_use]
    pub fn iam(&self) -> &Iam {
        &self.parts.iam
    }

    /// DynamoDB, and the proxies through which the functions reach it.
    #[must_use]
    pub fn dynamodb(&self) -> &Dynamo {
        &self.parts.dynamo
    }

    /// The function under test.
    #[must_use]
    pub fn sync_function(&self) -> &Function {
        &self.parts.function
    }

    /// The function that takes lifecycle events. What feeds it is [`Harness::events`].
    #[must_use]
    pub fn lifecycle_function(&self) -> &Worker {
        &self.parts.lifecycle
    }

    /// The function that delivers what nobody confirmed.
    #[must_use]
    pub fn redeliver_function(&self) -> &Worker {
        &self.parts.redeliver
    }

    /// The event bus of the key-management service.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.parts.events
    }

    /// Where events go that will never come right.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetterQueue {
        &self.parts.dead_letters
    }

    /// Secrets Manager, where functions fetch the signing key whose environment does not hold it.
    #[must_use]
    pub fn secrets(&self) -> &SecretsManager {
        &self.parts.secrets
    }

    /// The clock of all that runs in this process.
    #[must_use]
    pub fn clock(&self) -> &HarnessClock {
        &self.parts.clock
    }

    /// What was asked of endpoint, IAM and services so far.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.parts.journal
    }

    /// All emulated services.
    #[must_use]
    pub fn services(&self) -> &[AssociatedService] {
        &self.parts.services
    }

    /// The emulated service with this CRN service name.
    pub fn service(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        self.parts.service(name)
    }

    /// Object storage.
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
    /// # Panics
    ///
    /// Where the builder put another receiver in its place.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake in the test that put it together")]
    pub fn databases(&self) -> &AssociatedService {
        self.service(crate::services::DATABASES).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The `httpmock` server that stands for a service, where [`HarnessBuilder::mock`](crate::HarnessBuilder::mock) asked for one. A
    /// callback that meets no expectation is answered 404, and thus tried again.
    ///
    /// ```
    /// use keysync_testkit::{Harness, lambda::Mode, httpmock::Method::POST};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::builder().mode(Mode::InProcess).mock("ledgers").start().await?;
    /// let key = harness.new_key("invoices").with_registration("ledgers", "main").create().await?;
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
}
