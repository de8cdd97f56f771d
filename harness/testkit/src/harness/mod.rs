//! A running harness and its operations. Its addresses and handles are in submodules.

mod addresses;
mod handles;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use crate::{
    Client, HarnessBuilder, HarnessError, Key, NewKey, Recording, RedeliverSummary, Replay, SampleKeys,
    Snapshot,
    iam::Roles,
    lambda::{InvocationFailed, ProcessFunction},
    parts::Parts,
};
use keysync_emulator_support::server::Server;

/// A running harness. Dropping it ends all of it, including the functions' processes, and panics if
/// a function has leaked a secret: an API key, a token, a signing key, a key's material.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let key = harness.new_key("invoices");
/// let key = key.with_registration("cloud-object-storage", "bucket").create().await?;
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
    pub(crate) _endpoint: Server,
}

/// Fails the test if a function has leaked a secret.
impl Drop for Harness {
    fn drop(&mut self) {
        self.parts.lambda.processes().for_each(ProcessFunction::catch_up);
        let Some(leaks) = self.parts.context.secrets.leaked() else { return };
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "secret leaked: {leaks}");
        } else {
            panic!("secret leaked: {leaks}");
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

    /// A builder of a harness.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> HarnessBuilder {
        HarnessBuilder::default()
    }

    /// A builder of a key; [`NewKey::create`] creates it.
    pub fn new_key(&self, name: &str) -> NewKey<'_> {
        NewKey::new(&self.parts, name)
    }

    /// A handle to the key with this id, with the Manager's client.
    pub async fn key(&self, id: &str) -> Result<Key, HarnessError> {
        Ok(Key::new(id.to_owned(), self.manager().await?, self.parts.owner()))
    }

    /// A client with the role Manager.
    pub async fn manager(&self) -> Result<Client, HarnessError> {
        self.parts.manager().await
    }

    /// Creates an identity with one or more roles in the instance, and returns a client for it.
    pub async fn log_in_as(&self, roles: impl Into<Roles>) -> Result<Client, HarnessError> {
        Client::log_in(self, &self.parts.create_identity(roles.into())).await
    }

    /// Runs `redeliver` once, and returns its summary.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let harness = keysync_testkit::Harness::start().await?;
    /// let summary = harness.redeliver().await?;
    /// assert_eq!(summary.delivered, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn redeliver(&self) -> Result<RedeliverSummary, InvocationFailed> {
        self.parts.lambda.redeliver().await
    }

    /// Runs `redeliver` at this interval from now on, instead of the one that
    /// [`HarnessBuilder::redeliver_every`] has set; `None` ends the schedule. The interval is in
    /// real time, independent of the harness's clock.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::start().await?;
    /// harness.redeliver_every(Some(Duration::from_secs(1)));
    /// harness.redeliver_every(None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn redeliver_every(&self, interval: Option<Duration>) {
        self.parts.lambda.redeliver_every(interval);
    }

    /// Rotates the key that signs callbacks, first step: from now on they have two signatures, with
    /// the old key and with a new one, and the public key set has both. Returns the public keys,
    /// the new one last. The functions restart; call it while no request is in progress. A reset
    /// restores the key of the start.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::start().await?;
    /// let old = harness.callback_public_key();
    /// let both = harness.rotate_signing_key().await?;
    /// assert_eq!(both, [old, harness.callback_public_key()]);
    /// assert_eq!(harness.withdraw_old_signing_key().await?, [harness.callback_public_key()]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rotate_signing_key(&self) -> Result<Vec<String>, HarnessError> {
        self.parts.rotate_signing_key().await
    }

    /// The second step of a rotation: callbacks are signed with the newest key only. Returns its
    /// public key.
    pub async fn withdraw_old_signing_key(&self) -> Result<Vec<String>, HarnessError> {
        self.parts.withdraw_old_signing_key().await
    }

    /// Advances the clock, including that of the functions.
    pub async fn advance_clock(&self, by: Duration) -> Result<(), HarnessError> {
        self.parts.lambda.advance_clock(by).await
    }

    /// Resets all state but the clock: removes keys, faults, behaviours, the services' resources
    /// and the journal. What the harness has printed stays valid: addresses, API keys, signing
    /// keys, and the ids of the [sample keys](Harness::sample_keys), which become as they were
    /// created. Call it while no request is in progress.
    ///
    /// ```
    /// use keysync_testkit::Harness;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = Harness::start().await?;
    /// let key = harness.new_key("invoices").create().await?;
    /// harness.reset().await?;
    /// key.sync().await?.assert_error(404, "KEY_NOT_FOUND_ERR");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reset(&self) -> Result<(), HarnessError> {
        self.parts.reset().await
    }

    /// A snapshot of the present state, which [`Harness::restore`] restores here or in another
    /// harness. Call it while no request is in progress.
    pub async fn snapshot(&self) -> Result<Snapshot, HarnessError> {
        self.parts.snapshot().await
    }

    /// Resets the harness, and restores a snapshot. Instants are moved by the time that has passed
    /// since it, by the harness's clock: what was possible 20 minutes after the snapshot is
    /// possible 20 minutes from now. Call it while no request is in progress.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), HarnessError> {
        self.parts.restore(snapshot).await
    }

    /// The requests that the endpoint has received since the start or the last reset, to send them
    /// again. An error if one has a body of more than 16 KiB.
    pub fn recording(&self) -> Result<Recording, HarnessError> {
        self.parts.recording()
    }

    /// Sends the requests of a recording to this harness, in order, as the Manager. The clock is
    /// advanced by the gaps between them of at least 1 s, and ids of the recorded responses are
    /// replaced by those of the present ones.
    pub async fn replay(&self, recording: &Recording) -> Result<Replay, HarnessError> {
        self.parts.replay(recording).await
    }

    /// All items of the table, as JSON, for the tests of the functions: their schema is internal.
    /// [`Key::notifications`] and [`Key::state`] have what is specified.
    #[doc(hidden)]
    pub async fn items(&self) -> Result<Vec<Value>, HarnessError> {
        let items = self.parts.kms.endpoint.store().everything().await?;
        items.into_iter().map(|item| serde_dynamo::from_item(item).map_err(HarnessError::table)).collect()
    }

    /// The ids of the sample keys of `harness up`: a root key, which protects a bucket and a
    /// database, and a standard key. Created by the first call.
    pub async fn sample_keys(&self) -> Result<SampleKeys, HarnessError> {
        self.parts.sample_keys().await
    }
}
