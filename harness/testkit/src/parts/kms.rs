//! The key-management endpoint, and its clients.

use std::sync::OnceLock;

use keysync::ledger::Ledger;
use tokio::sync::Mutex;

use super::{IamEmulator, LambdaStack};
use crate::{Client, HarnessError, SampleKeys, dynamodb::Dynamo, world::World};
use keysync_emulator_support::context::Context;
use keysync_kms_emulator::{Endpoint, Store};

/// The key-management endpoint. The harness owns its server, which also serves the console and the
/// control API.
pub(crate) struct KmsEmulator {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: String,
    pub(crate) samples: Mutex<Option<SampleKeys>>,
    /// The client with the role Manager, once it has logged in.
    pub(crate) manager: OnceLock<Client>,
}

impl KmsEmulator {
    /// Creates the endpoint of `url`.
    pub(crate) fn new(
        url: String,
        world: &World,
        dynamo: &Dynamo,
        iam: &IamEmulator,
        lambda: &LambdaStack,
        context: &Context,
    ) -> Result<Self, HarnessError> {
        let table = dynamo.table();
        let store = Store::new(dynamo.client(), table, context.secrets.clone());
        let ledger = Ledger::new(&dynamo.sdk_config(), table.to_owned());
        let (iam, events, function) = (iam.emulator.clone(), lambda.events.clone(), lambda.sync.url());
        let endpoint = Endpoint::new(store, iam, ledger, events, function, context.clock.clone())?;
        Ok(Self { endpoint, url, samples: Mutex::new(world.sample_keys()), manager: OnceLock::new() })
    }
}
