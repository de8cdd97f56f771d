//! A key, as its owner acts on it: a handle that reads like the sentence one would say.

use std::fmt;

use http::Method;
use keysync::domain::KeyState;
use serde::Deserialize;

use crate::{Client, HarnessError, Response, path, services::AssociatedService, world::REGION};

/// A key, and who acts on it. Made by [`Harness::new_key`](crate::Harness::new_key).
///
/// ```
/// use std::time::Duration;
/// use keysync_testkit::{Harness, KeyState, lambda::Mode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder().mode(Mode::InProcess).start().await?;
/// let key = harness.new_key("invoices").with_registration("cloud-object-storage", "bucket").create().await?;
///
/// key.delete().await?.assert_status(204);
///
/// harness.object_storage().assert_last_state(&key, KeyState::Destroyed);
/// harness.object_storage().assert_denied("bucket");
/// key.sync().await?.assert_error(409, "REQ_TOO_EARLY_ERR");
/// harness.advance_clock(Duration::from_mins(61)).await?;
/// key.sync().await?.assert_status(204);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Key {
    id: String,
    client: Client,
    owner: Owner,
}

/// Who owns resources, and the services that have them.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) account: String,
    pub(crate) instance: String,
    pub(crate) services: Vec<AssociatedService>,
}

/// What became of a key's last notification, for one service.
///
/// ```
/// use keysync_testkit::{Harness, lambda::Mode, services::Behaviour};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder().mode(Mode::InProcess).start().await?;
/// let key = harness.new_key("invoices").with_registration("cloud-object-storage", "bucket").create().await?;
/// harness.object_storage().behave(Behaviour::respond(503));
/// key.sync().await?.assert_status(204);
///
/// let standing = key.notifications().await?.remove(0);
///
/// assert_eq!((standing.service.as_str(), standing.status.as_str()), ("cloud-object-storage", "retrying"));
/// assert!(standing.reason.unwrap().contains("503"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationStatus {
    /// The service, by its CRN service name.
    pub service: String,
    /// `pending`, `delivered`, `acknowledged`, `retrying`, `refused`, `failed` or `not-notified`.
    pub status: String,
    /// The notification's place among the key's.
    pub sequence: u64,
    /// How often it was tried.
    pub attempts: Option<u32>,
    /// When it was last tried, and will be tried next: RFC 3339, UTC.
    pub last_attempt: Option<String>,
    /// When it will be tried next: RFC 3339, UTC.
    pub next_attempt: Option<String>,
    /// Why the last try failed.
    pub reason: Option<String>,
}

impl Key {
    pub(crate) fn new(id: String, client: Client, owner: Owner) -> Self {
        Self { id, client, owner }
    }

    /// Its id, a v4 UUID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same key, acted on by somebody else.
    ///
    /// ```
    /// use keysync_testkit::{Harness, lambda::Mode, iam::Role};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::builder().mode(Mode::InProcess).start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// let reader = harness.log_in_as(Role::Reader).await?;
    /// key.by(&reader).sync().await?.assert_error(401, "UNAUTHORIZED_ERR");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn by(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    /// Has all associated services told again: `POST …/actions/sync`.
    pub async fn sync(&self) -> Result<Response, HarnessError> {
        self.client.sync(&self.id).await
    }

    /// Gives it a new version.
    pub async fn rotate(&self) -> Result<Response, HarnessError> {
        self.act("actions/rotate").await
    }

    /// Suspends it.
    pub async fn disable(&self) -> Result<Response, HarnessError> {
        self.act("actions/disable").await
    }

    /// Makes a suspended key active again; 30 s after the last action at the soonest.
    pub async fn enable(&self) -> Result<Response, HarnessError> {
        self.act("actions/enable").await
    }

    /// Deletes it, whatever it protects.
    pub async fn delete(&self) -> Result<Response, HarnessError> {
        self.client.delete(&self.id).await
    }

    /// Brings a deleted key back; 30 s after the last action at the soonest.
    pub async fn restore(&self) -> Result<Response, HarnessError> {
        self.act("restore").await
    }

    /// Its state, as the endpoint tells it.
    pub async fn state(&self) -> Result<KeyState, HarnessError> {
        let answer = self.get("/metadata").await?;
        let state = serde_json::from_value(answer.body["resources"][0]["state"].clone());
        state.map_err(|_| HarnessError::unexpected("reading a key's state", &answer))
    }

    /// What became of its last notification, service by service.
    pub async fn notifications(&self) -> Result<Vec<NotificationStatus>, HarnessError> {
        let answer = self.get("/notifications").await?;
        let statuses = serde_json::from_value(answer.body["resources"].clone());
        statuses.map_err(|_| HarnessError::unexpected("reading a key's notifications", &answer))
    }

    /// Puts a resource of `service` under it, and registers that as the service would. Returns the
    /// resource's CRN.
    pub async fn protect(&self, service: &str, resource: &str) -> Result<String, HarnessError> {
        let crn = self.owner.resource_crn(service, resource);
        // A registration that is rejected leaves nothing at the service.
        self.client.register(&self.id, &crn).await?;
        if let Some(emulated) = self.owner.services.iter().find(|emulated| emulated.name() == service) {
            emulated.protect(resource, &crn, &self.id);
        }
        Ok(crn)
    }

    /// Gives it another name.
    pub async fn add_alias(&self, alias: &str) -> Result<Response, HarnessError> {
        self.act(&format!("aliases/{}", path::segment(alias))).await
    }

    async fn act(&self, action: &str) -> Result<Response, HarnessError> {
        self.client.post(&format!("/api/v2/keys/{}/{action}", path::segment(&self.id))).await
    }

    async fn get(&self, below: &str) -> Result<Response, HarnessError> {
        let path = format!("/api/v2/keys/{}{below}", path::segment(&self.id));
        self.client.send(self.client.request(Method::GET, &path)).await
    }
}

impl Owner {
    /// The CRN of a resource of this owner.
    pub(crate) fn resource_crn(&self, service: &str, name: &str) -> String {
        let kind = if service == crate::services::OBJECT_STORAGE { "bucket" } else { "deployment" };
        let Self { account, instance, .. } = self;
        format!("crn:v1:bluemix:public:{service}:{REGION}:a/{account}:{instance}:{kind}:{name}")
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}
