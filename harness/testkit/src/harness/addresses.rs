//! What a client of the harness has to know of it.

use keysync::domain::InstanceId;

use crate::{Harness, HarnessError, info::Info, world::REGION};

impl Harness {
    /// The endpoint's address, without a slash at the end.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        self.parts.endpoint_url.clone()
    }

    /// The endpoint's address by which the host names the instance.
    #[must_use]
    pub fn instance_url(&self) -> String {
        let port = self.endpoint_url().rsplit(':').next().unwrap_or_default().to_owned();
        format!("http://{}.api.{REGION}.hs-crypto.localhost:{port}", self.instance())
    }

    /// IAM's address, without a slash at the end.
    #[must_use]
    pub fn iam_url(&self) -> String {
        self.parts.iam_server.url()
    }

    /// The address of the emulated services, without a slash at the end.
    #[must_use]
    pub fn services_url(&self) -> String {
        self.parts.service_server.url()
    }

    /// The web console's address. [`Harness::api_key`] logs in.
    #[must_use]
    pub fn console_url(&self) -> String {
        format!("{}{}", self.endpoint_url(), keysync_console::BASE)
    }

    /// Everything that a client in another process has to know. Makes the sample keys.
    pub async fn info(&self) -> Result<Info, HarnessError> {
        self.parts.info().await
    }

    /// The instance that is there from the start.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.parts.instance()
    }

    /// The account that owns it.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.parts.world.account
    }

    /// The API key of somebody with the role Manager.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.parts.world.manager.api_key
    }

    /// The API key of somebody with the role Reader.
    #[must_use]
    pub fn reader_api_key(&self) -> &str {
        &self.parts.world.reader.api_key
    }

    /// The key that verifies callbacks, as receivers configure it: `whpk_…`.
    #[must_use]
    pub fn callback_public_key(&self) -> &str {
        &self.parts.public_key
    }

    /// The name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.parts.table
    }

    /// The environment of the function `sync`: its settings by name. Where a name occurs twice, the last one counts.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.parts.env
    }
}
