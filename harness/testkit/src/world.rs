//! The initial state of a harness: an account, an instance, two API keys, a signing key.
//!
//! Stored in the table, so that a harness with `--data FILE` restarts with the same ones.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, prelude::BASE64_STANDARD};
use keysync::domain::InstanceId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    HarnessError, SampleKeys,
    dynamodb::Dynamo,
    iam::{Iam, Identity, Instance, Role},
};

/// The partition key of the harness's own items. No instance has this id.
pub(crate) const PARTITION: &str = "harness";
/// The sort key of the item with the initial state.
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
    pub(crate) async fn load(dynamo: &Dynamo) -> Result<Self, HarnessError> {
        let request = dynamo.client().get_item().table_name(dynamo.table());
        let found = request.key("pk", text(PARTITION)).key("sk", text(ITEM)).send().await;
        if let Some(item) = found.map_err(HarnessError::table)?.item {
            return serde_dynamo::from_item(item).map_err(HarnessError::table);
        }
        let world = Self::new();
        world.save(dynamo).await?;
        Ok(world)
    }

    /// The sample keys, if the table has them.
    pub(crate) fn sample_keys(&self) -> Option<SampleKeys> {
        let (root, standard) = self.root_key.clone().zip(self.standard_key.clone())?;
        Some(SampleKeys { root, standard })
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

    pub(crate) async fn save(&self, dynamo: &Dynamo) -> Result<(), HarnessError> {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::to_item(self).map_err(HarnessError::table)?;
        item.extend([("pk".to_owned(), text(PARTITION)), ("sk".to_owned(), text(ITEM))]);
        let request = dynamo.client().put_item().table_name(dynamo.table()).set_item(Some(item));
        request.send().await.map_err(HarnessError::table)?;
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
pub(crate) fn signing_key() -> String {
    let seed = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    format!("whsk_{}", BASE64_STANDARD.encode(seed))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Whether an item is one of the harness's own.
pub(crate) fn is_own_item(item: &serde_json::Value) -> bool {
    item["pk"] == PARTITION
}
