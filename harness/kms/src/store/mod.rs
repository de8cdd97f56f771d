//! Storage of the emulated KMS, in the table that the functions use.
//!
//! | item | `pk` | `sk` | contents |
//! | --- | --- | --- | --- |
//! | key | `<instance>#<key>` | `key` | attributes of the ledger and of the emulator |
//! | version | the key's | `version#<id>` | material; not in the key's item, which functions read |
//! | event | the key's | `event#<claim>` | event and initiator |
//! | registration | the key's | `registration#<resource>` | ledger's attributes, description |
//! | alias | `<instance>#alias#<alias>` | `alias` | CRN of the key, whose item lists the alias |
//! | key ring | `<instance>#ring#<ring>` | `ring` | creator and time of creation |
//! | instance policy | `<instance>#policies` | `policy#<type>` | the policy |
//! | import token | `<instance>#import_token` | `import_token` | a private key and a nonce |

mod aliases;
mod events;
mod import_tokens;
mod keys;
mod policies;
mod registrations;
mod rings;
mod versions;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use keysync::{
    domain::{InstanceId, KeyCrn},
    ledger::item::{Item, key_pk},
};
use serde::{Deserialize, Serialize};

pub(super) use events::{EventType, KeyEvent};
pub(super) use import_tokens::ImportToken;
pub(crate) use keys::DeletionAuthorization;
pub use keys::{Description, StoredKey};
pub(crate) use policies::KeyPolicy;
pub(super) use policies::{InstancePolicy, PolicyType};
pub use registrations::Registration;
pub(super) use rings::Ring;
pub(super) use versions::Version;

use super::{ApiError, crypto::Material};
use keysync_emulator_support::secret_scanner::{Kind, KnownSecrets};

/// The emulated KMS's access to the table.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    /// Receives the stored material, so that tests can detect a leak.
    secrets: KnownSecrets,
}

impl Store {
    /// Creates a store on the table named `table`. `client` is connected to the engine without
    /// fault injection, because the emulated KMS is not under test.
    #[must_use]
    pub fn new(client: Client, table: &str, secrets: KnownSecrets) -> Self {
        Self { client, table: table.to_owned(), secrets }
    }

    /// Registers material as a secret for the scanner.
    pub(crate) fn register_secret(&self, material: &Material) {
        self.secrets.add(Kind::KeyMaterial, &material.to_base64());
    }

    /// All items of the table.
    pub async fn everything(&self) -> Result<Vec<Item>, ApiError> {
        let pages =
            self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }

    /// Deletes all items of the table.
    pub async fn clear(&self) -> Result<(), ApiError> {
        for item in self.everything().await? {
            let keys = item.into_iter().filter(|(name, _)| name == "pk" || name == "sk").collect();
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(keys));
            delete.send().await.map_err(table)?;
        }
        Ok(())
    }

    async fn read<T: for<'de> Deserialize<'de>>(&self, pk: &str, sk: &str) -> Result<Option<T>, ApiError> {
        self.item(pk, sk).await?.map(from_item).transpose()
    }

    async fn item(&self, pk: &str, sk: &str) -> Result<Option<Item>, ApiError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(item_key(pk, sk)));
        Ok(get.consistent_read(true).send().await.map_err(table)?.item)
    }

    async fn put(&self, pk: &str, sk: &str, value: impl Serialize) -> Result<(), ApiError> {
        let item = with_keys(to_item(value)?, pk, sk);
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.map_err(table)?;
        Ok(())
    }

    async fn remove(&self, pk: &str, sk: &str) -> Result<(), ApiError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(item_key(pk, sk)));
        delete.send().await.map_err(table)?;
        Ok(())
    }

    /// Removes all items of one partition whose sort keys start with `kind`.
    async fn remove_all(&self, pk: &str, kind: &str) -> Result<(), ApiError> {
        for item in self.partition(pk, kind).await? {
            if let Some(AttributeValue::S(sk)) = item.get("sk") {
                self.remove(pk, sk).await?;
            }
        }
        Ok(())
    }

    /// Sets attributes of an item, removes others, and leaves the rest unchanged.
    async fn merge(&self, pk: &str, sk: &str, set: Item, removed: &[&str]) -> Result<(), ApiError> {
        let Change { expression, names, values } = change(set, removed);
        let update = self.client.update_item().table_name(&self.table).set_key(Some(item_key(pk, sk)));
        let update = update.update_expression(expression).set_expression_attribute_names(Some(names));
        update.set_expression_attribute_values(values).send().await.map_err(table)?;
        Ok(())
    }

    /// All items of one partition whose sort keys start with `kind`.
    async fn partition(&self, pk: &str, kind: &str) -> Result<Vec<Item>, ApiError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":kind", text(kind))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }

    /// Lists items of an instance with a scan. The functions never list, so the table has no index
    /// for it.
    async fn scan(&self, instance: InstanceId, of_kind: &str, kind: &str) -> Result<Vec<Item>, ApiError> {
        let pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression(format!("begins_with(pk, :instance) AND {of_kind}"))
            .expression_attribute_values(":instance", text(format!("{instance}#")))
            .expression_attribute_values(":kind", text(kind))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        pages.collect::<Result<Vec<Item>, _>>().await.map_err(table)
    }

    /// Executes a transaction. `Ok(false)` if a condition failed.
    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, ApiError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match sent.as_ref().map_err(SdkError::as_service_error) {
            Ok(_) => Ok(true),
            Err(Some(TransactWriteItemsError::TransactionCanceledException(_))) => Ok(false),
            Err(_) => sent.map(|_| true).map_err(table),
        }
    }

    /// A transaction's write of a new item. Fails if the item exists.
    fn new_item(&self, pk: &str, sk: &str, value: impl Serialize) -> Result<TransactWriteItem, ApiError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(with_keys(to_item(value)?, pk, sk)))
            .condition_expression("attribute_not_exists(pk)");
        Ok(TransactWriteItem::builder().put(put.build().map_err(ApiError::table)?).build())
    }

    /// A transaction's write that sets attributes of an item.
    fn merged_item(&self, pk: &str, sk: &str, set: Item) -> Result<TransactWriteItem, ApiError> {
        let Change { expression, names, values } = change(set, &[]);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(pk, sk)))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(values);
        Ok(TransactWriteItem::builder().update(update.build().map_err(ApiError::table)?).build())
    }
}

struct Change {
    expression: String,
    names: std::collections::HashMap<String, String>,
    values: Option<Item>,
}

fn change(set: Item, removed: &[&str]) -> Change {
    let (mut names, mut values) = (std::collections::HashMap::new(), Item::new());
    let (mut set_clauses, mut remove_clauses) = (Vec::new(), Vec::new());
    for (n, (name, value)) in set.into_iter().enumerate() {
        set_clauses.push(format!("#s{n} = :s{n}"));
        names.insert(format!("#s{n}"), name);
        values.insert(format!(":s{n}"), value);
    }
    for (n, name) in removed.iter().enumerate() {
        remove_clauses.push(format!("#r{n}"));
        names.insert(format!("#r{n}"), (*name).to_owned());
    }
    let clause = |verb: &str, parts: &[String]| match parts {
        [] => String::new(),
        parts => format!("{verb} {} ", parts.join(", ")),
    };
    let expression = clause("SET", &set_clauses) + &clause("REMOVE", &remove_clauses);
    Change { expression, names, values: (!values.is_empty()).then_some(values) }
}

fn pk(crn: &KeyCrn) -> String {
    key_pk(crn.instance.instance, crn.key)
}

fn item_key(pk: &str, sk: &str) -> Item {
    with_keys(Item::new(), pk, sk)
}

fn with_keys(mut item: Item, pk: &str, sk: &str) -> Item {
    item.insert("pk".to_owned(), text(pk));
    item.insert("sk".to_owned(), text(sk));
    item
}

#[expect(clippy::needless_pass_by_value, reason = "shorter calls")]
fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn to_item(value: impl Serialize) -> Result<Item, ApiError> {
    serde_dynamo::to_item(value).map_err(ApiError::table)
}

fn from_item<T: for<'de> Deserialize<'de>>(item: Item) -> Result<T, ApiError> {
    serde_dynamo::from_item(item).map_err(ApiError::table)
}

fn table(error: impl std::error::Error) -> ApiError {
    ApiError::table(aws_sdk_dynamodb::error::DisplayErrorContext(error))
}
