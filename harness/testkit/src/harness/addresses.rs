//! The addresses and identities that a client of the harness needs.

use keysync::domain::InstanceId;

use crate::{Environment, Harness, HarnessError, info::Info, world::REGION};

impl Harness {
    /// The URL of the key-management endpoint, without a trailing slash.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.parts.kms.url.clone()
    }

    /// The URL of the endpoint whose host name contains the instance.
    #[must_use]
    pub fn instance_url(&self) -> String {
        let port = self.endpoint_url().rsplit(':').next().unwrap_or_default().to_owned();
        format!("http://{}.api.{REGION}.hs-crypto.localhost:{port}", self.instance())
    }

    /// The URL of IAM, without a trailing slash.
    #[must_use]
    pub fn iam_url(&self) -> String {
        self.parts.iam.url()
    }

    /// The URL of the emulated services, without a trailing slash.
    #[must_use]
    pub fn services_url(&self) -> String {
        self.parts.services.url()
    }

    /// The URL of the web console. Log in with [`Harness::api_key`].
    #[must_use]
    pub fn console_url(&self) -> String {
        format!("{}{}", self.endpoint_url(), keysync_console::BASE)
    }

    /// All data that a client in another process needs. Creates the sample keys.
    pub async fn info(&self) -> Result<Info, HarnessError> {
        self.parts.info().await
    }

    /// The instance.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.parts.instance()
    }

    /// The account that owns the instance.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.parts.world.account
    }

    /// The API key of an identity with the role Manager.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.parts.world.manager.api_key
    }

    /// The API key of an identity with the role Reader.
    #[must_use]
    pub fn reader_api_key(&self) -> &str {
        &self.parts.world.reader.api_key
    }

    /// The key that verifies callbacks, as receivers configure it: `whpk_…`. After
    /// [`Harness::rotate_signing_key`], the new one.
    #[must_use]
    pub fn callback_public_key(&self) -> String {
        self.parts.public_key()
    }

    /// The name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        self.parts.dynamo.table()
    }

    /// The environment of the function `sync`. It has the key that signs callbacks.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.parts.lambda.env.iter().cloned().collect()
    }
}
