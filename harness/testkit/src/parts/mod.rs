//! The parts of a harness, and the operations on several of them. Shared by [`Harness`] and the
//! control API. Each part starts itself, owns its servers, and ends when it is dropped.
//!
//! [`Harness`]: crate::Harness

mod iam;
mod kms;
mod lambda;
mod recording;
mod samples;
mod services;
mod signing;
mod snapshot;

use keysync::domain::InstanceId;

use crate::{
    Client, HarnessError, SampleKeys,
    dynamodb::Dynamo,
    iam::{Identity, Roles},
    info::Info,
    key::Owner,
    world::{Person, REGION, World},
};
use keysync_emulator_support::context::Context;

pub(crate) use iam::IamEmulator;
pub(crate) use kms::KmsEmulator;
pub(crate) use lambda::LambdaStack;
pub use recording::{Recording, Replay, Replayed};
pub(crate) use services::ServiceFleet;
pub use snapshot::Snapshot;

/// The parts of a harness.
pub(crate) struct Parts {
    pub(crate) context: Context,
    pub(crate) world: World,
    pub(crate) dynamo: Dynamo,
    pub(crate) iam: IamEmulator,
    pub(crate) services: ServiceFleet,
    pub(crate) lambda: LambdaStack,
    pub(crate) kms: KmsEmulator,
    /// The named snapshots of the control API.
    #[cfg(feature = "control-api")]
    pub(crate) snapshots: parking_lot::Mutex<std::collections::BTreeMap<String, Snapshot>>,
}

impl Parts {
    pub(crate) fn instance(&self) -> InstanceId {
        InstanceId::new(self.world.instance)
    }

    pub(crate) fn owner(&self) -> Owner {
        let (account, instance) = (self.world.account.clone(), self.instance().to_string());
        Owner { account, instance, services: self.services.emulated.clone() }
    }

    pub(crate) async fn manager(&self) -> Result<Client, HarnessError> {
        if let Some(manager) = self.kms.manager.get() {
            return Ok(manager.clone());
        }
        let manager = Client::of(self, &self.world.manager.api_key).await?;
        // Two simultaneous calls log in as the same identity; the first one is stored.
        Ok(self.kms.manager.get_or_init(|| manager).clone())
    }

    /// Creates an identity with `roles`, and returns its API key.
    pub(crate) fn create_identity(&self, roles: Roles) -> String {
        let (iam, account) = (&self.iam.emulator, self.world.account.clone());
        let Person { iam_id, api_key } = Person::new();
        for role in roles {
            iam.grant(&iam_id, self.instance(), role);
        }
        iam.add_identity(Identity { iam_id, account, api_key: api_key.clone() });
        api_key
    }

    pub(crate) async fn reset(&self) -> Result<(), HarnessError> {
        let proxies = self.dynamo.proxies();
        for proxy in proxies {
            proxy.clear_faults();
            proxy.release();
        }
        self.lambda.events.queue().release(Vec::clear);
        self.services.reset();
        // Calls in progress finish before the table is cleared.
        for proxy in proxies {
            proxy.wait_until_quiet().await;
            drop(proxy.take_calls());
        }
        self.reset_table().await?;
        self.iam.reset(&self.world);
        self.lambda.reset();
        self.reset_signing_key().await?;
        self.context.journal.clear();
        Ok(())
    }

    pub(crate) async fn info(&self) -> Result<Info, HarnessError> {
        let SampleKeys { root, standard } = self.sample_keys().await?;
        Ok(Info {
            endpoint: self.kms.url.clone(),
            iam: self.iam.url(),
            dynamodb: self.dynamo.url().to_owned(),
            control: format!("{}/_harness", self.kms.url),
            console: format!("{}{}", self.kms.url, keysync_console::BASE),
            services: self.services.url(),
            function: self.lambda.sync.url(),
            api_key: self.world.manager.api_key.clone(),
            reader_api_key: self.world.reader.api_key.clone(),
            instance_id: self.instance().to_string(),
            region: REGION.to_owned(),
            account: self.world.account.clone(),
            callback_public_key: self.public_key(),
            root_key_id: root,
            standard_key_id: standard,
        })
    }
}
