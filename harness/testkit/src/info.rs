//! What a client of a running harness has to know: addresses, instance, API keys.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What `harness up --json` prints, and `GET /_harness` answers.
///
/// ```
/// use keysync_testkit::{Harness, lambda::Mode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder().mode(Mode::InProcess).start().await?;
/// let info = harness.info().await?;
/// assert_eq!(info.control, format!("{}/_harness", info.endpoint));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
pub struct Info {
    /// The key-management endpoint's address, without a slash at the end.
    pub endpoint: String,
    /// IAM's.
    pub iam: String,
    /// The DynamoDB engine's.
    pub dynamodb: String,
    /// That of the control API.
    pub control: String,
    /// That of the web console.
    pub console: String,
    /// That of the emulated services.
    pub services: String,
    /// The function URL.
    pub function: String,
    /// The API key of somebody with the role Manager.
    pub api_key: String,
    /// The API key of somebody with the role Reader.
    pub reader_api_key: String,
    /// The instance, for the header `bluemix-instance`.
    pub instance_id: String,
    /// Its region.
    pub region: String,
    /// The account that owns it.
    pub account: String,
    /// The key that verifies callbacks: `whpk_…`.
    pub callback_public_key: String,
    /// A root key that protects a bucket and a database.
    pub root_key_id: String,
    /// A standard key.
    pub standard_key_id: String,
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
        write!(f, "Info({}, API keys that are not shown)", self.endpoint)
    }
}
