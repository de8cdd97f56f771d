//! The initial state of a harness: an account, an instance, two API keys, a signing key.
//!
//! Stored in the table, so that a harness with `--data FILE` restarts with the same ones.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, prelude::BASE64_STANDARD};
use keysync::{Clock, domain::InstanceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    HarnessError,
    iam::{Iam, Identity, Instance, Role},
};
use keysync_emulator_support::secret_scanner::KnownSecrets;

/// The partition key of the item with the initial state. No instance has this id.
const ITEM: &str = "harness";

/// The region of instances.
pub(crate) const REGION: &str = "us-south";

/// The initial state. Its secrets are generated for this harness.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) account: String,
    pub(crate) instance: Uuid,
    pub(crate) manager: Person,
    pub(crate) reader: Person,
    /// The private key that callbacks are signed with: `whsk_…`.
    pub(crate) signing_key: String,
    pub(crate) root_key: Option<String>,
    pub(crate) standard_key: Option<String>,
}

/// An identity with an API key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) iam_id: String,
    pub(crate) api_key: String,
}

impl World {
    fn new() -> Self {
        Self {
            account: Uuid::new_v4().simple().to_string(),
            instance: Uuid::new_v4(),
            manager: Person::new(),
            reader: Person::new(),
            signing_key: signing_key(),
            root_key: None,
            standard_key: None,
        }
    }

    /// The state that is stored in the table, or a new one.
    pub(crate) async fn load(client: &Client, table: &str) -> Result<Self, HarnessError> {
        let found =
            client.get_item().table_name(table).key("pk", text(ITEM)).key("sk", text(ITEM)).send().await;
        if let Some(item) = found.map_err(HarnessError::table)?.item {
            return serde_dynamo::from_item(item).map_err(HarnessError::table);
        }
        let world = Self::new();
        world.save(client, table).await?;
        Ok(world)
    }

    /// Creates an IAM with the instance and the identities.
    pub(crate) fn iam(&self, clock: Clock, secrets: KnownSecrets) -> Result<Iam, HarnessError> {
        let iam = Iam::new(clock, secrets)?;
        self.register_in(&iam);
        Ok(iam)
    }

    /// Registers the instance and the identities in `iam`.
    pub(crate) fn register_in(&self, iam: &Iam) {
        let instance = InstanceId::new(self.instance);
        iam.add_instance(Instance {
            id: instance,
            account: self.account.clone(),
            region: REGION.to_owned(),
            name: "My key-management instance".to_owned(),
        });
        for (person, role) in [(&self.manager, Role::Manager), (&self.reader, Role::Reader)] {
            let Person { iam_id, api_key } = person.clone();
            iam.grant(&iam_id, instance, role);
            iam.add_identity(Identity { iam_id, account: self.account.clone(), api_key });
        }
    }

    pub(crate) async fn save(&self, client: &Client, table: &str) -> Result<(), HarnessError> {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::to_item(self).map_err(HarnessError::table)?;
        item.extend([("pk".to_owned(), text(ITEM)), ("sk".to_owned(), text(ITEM))]);
        client.put_item().table_name(table).set_item(Some(item)).send().await.map_err(HarnessError::table)?;
        Ok(())
    }
}

impl Person {
    pub(crate) fn new() -> Self {
        let api_key =
            BASE64_STANDARD.encode([*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat());
        let api_key = api_key.replace(['+', '/', '='], "-");
        Self { iam_id: format!("IBMid-{}", Uuid::new_v4().simple()), api_key }
    }
}

/// Generates an Ed25519 seed of 32 bytes. Two UUIDs have 244 random bits, enough for a harness.
fn signing_key() -> String {
    let seed = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    format!("whsk_{}", BASE64_STANDARD.encode(seed))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
