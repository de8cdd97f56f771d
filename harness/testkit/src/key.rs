//! A key, as its owner acts on it: a handle that reads like the sentence one would say.

use std::fmt;

use http::Method;
use keysync::key::KeyState;
use serde::Deserialize;

use crate::{Answer, Client, HarnessError, path, services::AssociatedService, world::REGION};

/// A key, and who acts on it. Made by [`Harness::new_key`](crate::Harness::new_key).
///
/// ```
/// use std::time::Duration;
/// use keysync_testkit::{Harness, KeyState, lambda::Mode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder().function(Mode::InProcess).start().await?;
/// let key = harness.new_key("invoices").protecting("cloud-object-storage", "bucket").create().await?;
///
/// key.delete().await?.assert_status(204);
///
/// harness.object_storage().assert_told(&key, KeyState::Destroyed);
/// harness.object_storage().assert_refuses("bucket");
/// key.sync().await?.assert_refused(409, "REQ_TOO_EARLY_ERR");
/// harness.travel(Duration::from_mins(61)).await?;
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
/// let harness = Harness::builder().function(Mode::InProcess).start().await?;
/// let key = harness.new_key("invoices").protecting("cloud-object-storage", "bucket").create().await?;
/// harness.object_storage().behave(Behaviour::answer(503));
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
pub struct Standing {
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
    ///
    /// ```no_run
    /// # fn example(key: keysync_testkit::Key) {
    /// assert_eq!(key.id().len(), 36);
    /// # }
    /// ```
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
    /// let harness = Harness::builder().function(Mode::InProcess).start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// let reader = harness.log_in_as(Role::Reader).await?;
    /// key.by(&reader).sync().await?.assert_refused(401, "UNAUTHORIZED_ERR");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn by(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    /// Has all associated services told again: `POST …/actions/sync`.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.sync().await?.assert_status(204);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sync(&self) -> Result<Answer, HarnessError> {
        self.client.sync(&self.id).await
    }

    /// Gives it a new version.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.rotate().await?.assert_status(204);
    /// key.rotate().await?.assert_refused(409, "KEY_ROTATION_NOT_PERMITTED");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rotate(&self) -> Result<Answer, HarnessError> {
        self.act("actions/rotate").await
    }

    /// Suspends it.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.disable().await?.assert_status(204);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn disable(&self) -> Result<Answer, HarnessError> {
        self.act("actions/disable").await
    }

    /// Makes a suspended key active again; 30 s after the last action at the soonest.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.disable().await?.assert_status(204);
    /// key.enable().await?.assert_refused(409, "REQ_TOO_EARLY_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn enable(&self) -> Result<Answer, HarnessError> {
        self.act("actions/enable").await
    }

    /// Deletes it, whatever it protects.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.delete().await?.assert_status(204);
    /// key.delete().await?.assert_refused(410, "KEY_DELETED_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self) -> Result<Answer, HarnessError> {
        self.client.delete(&self.id).await
    }

    /// Brings a deleted key back; 30 s after the last action at the soonest.
    ///
    /// ```no_run
    /// # async fn example(harness: keysync_testkit::Harness, key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// key.delete().await?.assert_status(204);
    /// harness.travel(std::time::Duration::from_secs(31)).await?;
    /// key.restore().await?.assert_status(201);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restore(&self) -> Result<Answer, HarnessError> {
        self.act("restore").await
    }

    /// Its state, as the endpoint tells it.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// assert_eq!(key.state().await?, keysync_testkit::KeyState::Active);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn state(&self) -> Result<KeyState, HarnessError> {
        let answer = self.get("/metadata").await?;
        let state = serde_json::from_value(answer.body["resources"][0]["state"].clone());
        state.map_err(|_| HarnessError::unexpected("reading a key's state", &answer))
    }

    /// What became of its last notification, service by service.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// assert!(key.notifications().await?.iter().all(|standing| standing.status == "delivered"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn notifications(&self) -> Result<Vec<Standing>, HarnessError> {
        let answer = self.get("/notifications").await?;
        let standings = serde_json::from_value(answer.body["resources"].clone());
        standings.map_err(|_| HarnessError::unexpected("reading a key's notifications", &answer))
    }

    /// Puts a resource of `service` under it, and registers that as the service would. Returns the
    /// resource's CRN.
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key) -> Result<(), keysync_testkit::HarnessError> {
    /// let crn = key.protect("cloud-object-storage", "invoices").await?;
    /// assert!(crn.ends_with(":bucket:invoices"));
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # async fn example(key: keysync_testkit::Key, manager: keysync_testkit::Client) -> Result<(), keysync_testkit::HarnessError> {
    /// key.add_alias("invoices").await?.assert_status(201);
    /// manager.sync("invoices").await?.assert_status(204);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add_alias(&self, alias: &str) -> Result<Answer, HarnessError> {
        self.act(&format!("aliases/{}", path::segment(alias))).await
    }

    async fn act(&self, action: &str) -> Result<Answer, HarnessError> {
        self.client.post(&format!("/api/v2/keys/{}/{action}", path::segment(&self.id))).await
    }

    async fn get(&self, below: &str) -> Result<Answer, HarnessError> {
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
