//! From an alias to the key that it stands for.

use super::{
    Ledger, LedgerError,
    expression::string,
    item::{ALIAS_ITEM, alias_pk},
};
use crate::key::{InstanceId, KeyId, KeyName};

impl Ledger {
    /// The key that `name` stands for: no call where it is an id, one where it is an alias.
    pub async fn resolve(&self, instance: InstanceId, name: &KeyName) -> Result<Option<KeyId>, LedgerError> {
        let alias = match name {
            KeyName::Id(id) => return Ok(Some(*id)),
            KeyName::Alias(alias) => alias,
        };
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", string(alias_pk(instance, alias)))
            .key("sk", string(ALIAS_ITEM))
            .consistent_read(true) // an alias works as soon as it was made
            .send()
            .await?;
        let Some(item) = found.item else { return Ok(None) };
        item.get("key_id")
            .and_then(|id| id.as_s().ok()?.parse().ok())
            .map(Some)
            .ok_or_else(|| LedgerError::Defect(format!("the alias {alias} names no key")))
    }
}
