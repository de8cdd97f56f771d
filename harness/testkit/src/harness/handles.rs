//! Handles to the parts of a harness, for inspection, faults and assertions.

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
        &self.parts.iam.emulator
    }

    /// DynamoDB, and the proxies through which the functions reach it.
    #[must_use]
    pub fn dynamodb(&self) -> &Dynamo {
        &self.parts.dynamo
    }

    /// The function `sync`.
    #[must_use]
    pub fn sync_function(&self) -> &Function {
        &self.parts.lambda.sync
    }

    /// The function that processes lifecycle events, which [`Harness::events`] publishes.
    #[must_use]
    pub fn lifecycle_function(&self) -> &Worker {
        &self.parts.lambda.lifecycle
    }

    /// The function that redelivers unconfirmed notifications.
    #[must_use]
    pub fn redeliver_function(&self) -> &Worker {
        &self.parts.lambda.redeliver
    }

    /// The event bus of the key-management service.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.parts.lambda.events
    }

    /// The dead-letter queue of malformed events.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetterQueue {
        &self.parts.lambda.dead_letters
    }

    /// Secrets Manager, from which functions fetch a signing key that is not in their environment.
    #[must_use]
    pub fn secrets(&self) -> &SecretsManager {
        &self.parts.lambda.secrets
    }

    /// The clock of everything in this process.
    #[must_use]
    pub fn clock(&self) -> &HarnessClock {
        &self.parts.context.clock
    }

    /// The requests that endpoint, IAM and services have received.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.parts.context.journal
    }

    /// All emulated services.
    #[must_use]
    pub fn services(&self) -> &[AssociatedService] {
        &self.parts.services.emulated
    }

    /// The emulated service with this CRN service name.
    pub fn service(&self, name: &str) -> Result<&AssociatedService, HarnessError> {
        self.parts.services.find(name)
    }

    /// Object storage.
    ///
    /// # Panics
    ///
    /// If the builder replaced it with another receiver.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake in the test's builder")]
    pub fn object_storage(&self) -> &AssociatedService {
        self.service(crate::services::OBJECT_STORAGE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Databases.
    ///
    /// # Panics
    ///
    /// If the builder replaced it with another receiver.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake in the test's builder")]
    pub fn databases(&self) -> &AssociatedService {
        self.service(crate::services::DATABASES).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The `httpmock` server of a service that was added with
    /// [`HarnessBuilder::mock`](crate::HarnessBuilder::mock). It responds with 404 to a callback
    /// that matches no expectation, so that the callback is retried.
    ///
    /// ```
    /// use keysync_testkit::{Harness, httpmock::Method::POST};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::builder().mock("ledgers").start().await?;
    /// let key = harness.new_key("invoices").with_registration("ledgers", "main").create().await?;
    /// let notified = harness.mock("ledgers")?.mock_async(|when, then| {
    ///     let when = when.method(POST).header_exists("webhook-signature");
    ///     when.json_body_includes(r#"{"data":{"renotification":true}}"#);
    ///     then.status(204);
    /// });
    /// let notified = notified.await;
    ///
    /// key.sync().await?.assert_status(204);
    ///
    /// notified.assert_calls_async(1).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mock(&self, name: &str) -> Result<&httpmock::MockServer, HarnessError> {
        self.parts.services.mock(name)
    }
}
