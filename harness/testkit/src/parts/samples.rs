//! The sample keys, and how a reset restores them: with the ids that the harness has printed.

use aws_sdk_dynamodb::types::AttributeValue;
use keysync::ledger::item::Item;
use serde::{Deserialize, Serialize};

use super::Parts;
use crate::{
    HarnessError, NewKey, SampleKeys,
    services::{DATABASES, OBJECT_STORAGE},
    world::{self, World},
};

/// The partition key and the sort key of the item with the sample keys' items.
const ITEM: [(&str, &str); 2] = [("pk", world::PARTITION), ("sk", "sample-keys")];
/// The resources that the root key protects, by service.
const RESOURCES: [(&str, &str); 2] = [(OBJECT_STORAGE, "sample-bucket"), (DATABASES, "sample-database")];

/// The sample keys as they were created. A snapshot of another harness replaces them until a reset.
#[derive(Serialize, Deserialize)]
struct Created {
    root: String,
    standard: String,
    items: Vec<serde_json::Value>,
}

impl Parts {
    /// The sample keys. Created by the first call.
    pub(crate) async fn sample_keys(&self) -> Result<SampleKeys, HarnessError> {
        let mut samples = self.kms.samples.lock().await;
        if let Some(keys) = &*samples {
            return Ok(keys.clone());
        }
        let root = RESOURCES.iter().fold(NewKey::new(self, "sample-root-key"), |key, (service, resource)| {
            key.with_registration(service, resource)
        });
        let root = root.create().await?.id().to_owned();
        let standard = NewKey::new(self, "sample-standard-key").standard().create().await?.id().to_owned();
        let keys = SampleKeys { root, standard };
        self.save_with(&keys).await?;
        let items = self.items_of(&keys).await?;
        let created = Created { root: keys.root.clone(), standard: keys.standard.clone(), items };
        self.put(with_keys(serde_dynamo::to_item(created).map_err(HarnessError::table)?)).await?;
        Ok(samples.insert(keys).clone())
    }

    /// Removes all items but the harness's own ones, and restores the sample keys as they were
    /// created, if they were.
    pub(super) async fn reset_table(&self) -> Result<(), HarnessError> {
        let mut samples = self.kms.samples.lock().await;
        let Some(created) = self.clear_table().await? else {
            *samples = None;
            return self.world.save(&self.dynamo).await;
        };
        let Created { root, standard, items } =
            serde_dynamo::from_item(created).map_err(HarnessError::table)?;
        let keys = SampleKeys { root, standard };
        self.save_with(&keys).await?;
        for item in items {
            self.put(serde_dynamo::to_item(item).map_err(HarnessError::table)?).await?;
        }
        let owner = self.owner();
        for (service, resource) in RESOURCES {
            owner.protect(service, resource, &owner.resource_crn(service, resource)?, &keys.root);
        }
        *samples = Some(keys);
        Ok(())
    }

    /// Removes all items but the one with the sample keys as they were created, and returns that.
    pub(super) async fn clear_table(&self) -> Result<Option<Item>, HarnessError> {
        let own = with_keys(Item::new());
        let created = self.dynamo.client().get_item().table_name(self.dynamo.table()).set_key(Some(own));
        let created = created.send().await.map_err(HarnessError::table)?.item;
        self.kms.endpoint.store().clear().await?;
        if let Some(created) = &created {
            self.put(created.clone()).await?;
        }
        Ok(created)
    }

    /// Saves the initial state with the ids of the sample keys.
    pub(super) async fn save_with(&self, keys: &SampleKeys) -> Result<(), HarnessError> {
        let (root_key, standard_key) = (Some(keys.root.clone()), Some(keys.standard.clone()));
        World { root_key, standard_key, ..self.world.clone() }.save(&self.dynamo).await
    }

    /// The items of the sample keys, as JSON.
    async fn items_of(&self, keys: &SampleKeys) -> Result<Vec<serde_json::Value>, HarnessError> {
        let partitions =
            [&keys.root, &keys.standard].map(|key| AttributeValue::S(format!("{}#{key}", self.instance())));
        let items = self.kms.endpoint.store().everything().await?.into_iter();
        let items = items.filter(|item| item.get("pk").is_some_and(|pk| partitions.contains(pk)));
        items.map(|item| serde_dynamo::from_item(item).map_err(HarnessError::table)).collect()
    }

    pub(super) async fn put(&self, item: Item) -> Result<(), HarnessError> {
        let put = self.dynamo.client().put_item().table_name(self.dynamo.table()).set_item(Some(item));
        put.send().await.map_err(HarnessError::table)?;
        Ok(())
    }
}

fn with_keys(mut item: Item) -> Item {
    item.extend(ITEM.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))));
    item
}
