//! What a client of the harness has to know of it.

use keysync::key::InstanceId;

use crate::{Harness, HarnessError, info::Info, world::REGION};

impl Harness {
    /// The endpoint's address, without a slash at the end.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_testkit::Harness) {
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
    /// # fn example(harness: keysync_testkit::Harness) {
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
    /// # fn example(harness: keysync_testkit::Harness) {
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
    /// # fn example(harness: keysync_testkit::Harness) {
    /// let bucket = format!("{}/cloud-object-storage/resources/bucket", harness.services_url());
    /// # }
    /// ```
    #[must_use]
    pub fn services_url(&self) -> String {
        self.parts.service_server.url()
    }

    /// The web console's address. [`Harness::api_key`] logs in.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_testkit::Harness) {
    /// println!("open {} and log in with {}", harness.console_url(), harness.api_key());
    /// # }
    /// ```
    #[must_use]
    pub fn console_url(&self) -> String {
        format!("{}{}", self.endpoint_url(), keysync_console::BASE)
    }

    /// Everything that a client in another process has to know. Makes the sample keys.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_testkit::Harness) -> Result<(), keysync_testkit::HarnessError> {
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
    /// # fn example(harness: keysync_testkit::Harness) {
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
    /// # fn example(harness: keysync_testkit::Harness) {
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
    /// # async fn example(harness: keysync_testkit::Harness) -> Result<(), keysync_testkit::HarnessError> {
    /// let manager = keysync_testkit::Client::log_in(&harness, harness.api_key()).await?;
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
    /// # async fn example(harness: keysync_testkit::Harness) -> Result<(), keysync_testkit::HarnessError> {
    /// let reader = keysync_testkit::Client::log_in(&harness, harness.reader_api_key()).await?;
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
    /// # fn example(harness: keysync_testkit::Harness) {
    /// assert!(harness.callback_public_key().starts_with("whpk_"));
    /// # }
    /// ```
    #[must_use]
    pub fn callback_public_key(&self) -> &str {
        &self.parts.public_key
    }

    /// The name of the table.
    ///
    /// ```no_run
    /// # fn example(harness: keysync_testkit::Harness) {
    /// assert_eq!(harness.table(), "keysync");
    /// # }
    /// ```
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
