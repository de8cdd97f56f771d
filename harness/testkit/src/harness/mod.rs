//! A running harness, and what is done with it. Its addresses and its parts are in files of their own.

mod addresses;
mod handles;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use crate::{
    Client, HarnessBuilder, HarnessError, Key, NewKey,
    events::Feeder,
    iam::Roles,
    lambda::{InvocationFailed, ProcessFunction, schedule::Schedule},
    parts::Parts,
};
use keysync_emulator_support::server::Server;

/// A running harness. Dropping it ends all of it, the function's processes included. It panics where one of
/// them has printed a secret: an API key, a token, a signing key, a key's material.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder().start().await?; // the real binary, behind an emulated Lambda
/// let key = harness.new_key("invoices").with_registration("cloud-object-storage", "bucket").create().await?;
///
/// key.sync().await?.assert_status(204);
///
/// harness.object_storage().assert_callbacks(&key, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a harness stops everything that it started"]
pub struct Harness {
    pub(crate) parts: Arc<Parts>,
    pub(crate) _feeder: Feeder,
    pub(crate) _schedule: Option<Schedule>,
    pub(crate) _endpoint: Server,
}

/// Fails the test whose functions told a secret.
impl Drop for Harness {
    fn drop(&mut self) {
        let Parts { function, lifecycle, redeliver, known_secrets, .. } = &*self.parts;
        let processes = [function.process(), lifecycle.processes(), redeliver.processes()];
        processes.into_iter().flatten().for_each(ProcessFunction::catch_up);
        let Some(told) = known_secrets.leaked() else { return };
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "a secret was told: {told}");
        } else {
            panic!("a secret was told: {told}");
        }
    }
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Harness({})", self.endpoint_url())
    }
}

impl Harness {
    /// Starts a harness with the defaults: `Harness::builder().start()`.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::start().await?;
    /// harness.new_key("invoices").create().await?.sync().await?.assert_status(204);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start() -> Result<Self, HarnessError> {
        Self::builder().start().await
    }

    /// A harness, to be put together.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::builder().start().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// Makes a key, once [`NewKey::create`] is called.
    #[must_use]
    pub fn new_key(&self, name: &str) -> NewKey<'_> {
        NewKey::new(&self.parts, name)
    }

    /// A handle to the key with this id, acted on by the Manager.
    pub async fn key(&self, id: &str) -> Result<Key, HarnessError> {
        Ok(Key::new(id.to_owned(), self.manager().await?, self.parts.owner()))
    }

    /// Somebody with the role Manager.
    pub async fn manager(&self) -> Result<Client, HarnessError> {
        self.parts.manager().await
    }

    /// Somebody new, with this role in the instance, or with these.
    pub async fn log_in_as(&self, roles: impl Into<Roles>) -> Result<Client, HarnessError> {
        Client::log_in(self, &self.parts.create_identity(roles.into())).await
    }

    /// Runs `redeliver` once, and returns its summary.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let harness = keysync_testkit::Harness::builder().start().await?;
    /// let summary = harness.redeliver().await?;
    /// assert_eq!(summary["delivered"], 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn redeliver(&self) -> Result<Value, InvocationFailed> {
        self.parts.redeliver().await
    }

    /// Makes it later, for the function, too.
    pub async fn advance_clock(&self, by: Duration) -> Result<(), HarnessError> {
        self.parts.advance_clock(by).await
    }

    /// Makes everything as it was at the start: no keys, no faults, services that know nothing and act, a
    /// journal that is empty. What stays: addresses, API keys, signing keys, and the time, which goes
    /// forward only. Do it when nothing else happens.
    ///
    /// ```
    /// use keysync_testkit::{Harness, lambda::Mode};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::builder().mode(Mode::InProcess).start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// harness.reset().await?;
    /// key.sync().await?.assert_error(404, "KEY_NOT_FOUND_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reset(&self) -> Result<(), HarnessError> {
        self.parts.reset().await
    }

    /// Every item of the table as it stands, as JSON, past the API.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// # let harness = keysync_testkit::Harness::builder().start().await?;
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
    pub async fn sample_keys(&self) -> Result<(String, String), HarnessError> {
        self.parts.sample_keys().await
    }
}
