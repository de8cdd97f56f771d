//! The data that a client of a running harness needs: addresses, instance, API keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The output of `harness up --json`, and the response of `GET /_harness`.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let info = harness.info().await?;
/// assert_eq!(info.control, format!("{}/_harness", info.endpoint));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Info {
    /// The URL of the key-management endpoint, without a trailing slash.
    pub endpoint: String,
    /// The URL of IAM.
    pub iam: String,
    /// The URL of the DynamoDB engine.
    pub dynamodb: String,
    /// The URL of the control API.
    pub control: String,
    /// The URL of the web console.
    pub console: String,
    /// The URL of the emulated services.
    pub services: String,
    /// The function URL.
    pub function: String,
    /// The API key of an identity with the role Manager.
    pub api_key: String,
    /// The API key of an identity with the role Reader.
    pub reader_api_key: String,
    /// The instance, for the header `bluemix-instance`.
    pub instance_id: String,
    /// The instance's region.
    pub region: String,
    /// The account that owns the instance.
    pub account: String,
    /// The key that verifies callbacks: `whpk_…`.
    pub callback_public_key: String,
    /// A root key that protects a bucket and a database.
    pub root_key_id: String,
    /// A standard key.
    pub standard_key_id: String,
}

/// The ids of the sample keys.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let samples = harness.sample_keys().await?;
/// harness.key(&samples.root).await?.sync().await?.assert_status(204);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleKeys {
    /// A root key that protects a bucket and a database.
    pub root: String,
    /// A standard key.
    pub standard: String,
}

/// The header of each response of the control API; no other server sends it.
///
/// ```
/// assert_eq!(keysync_testkit::VERSION_HEADER, "keysync-harness");
/// ```
#[doc(hidden)]
pub const VERSION_HEADER: &str = "keysync-harness";

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Info({}, API keys redacted)", self.endpoint)
    }
}
