//! From an alias to the key that it stands for.

use super::{
    Ledger, LedgerError,
    expression::string,
    item::{ALIAS_ITEM, alias_pk},
};
use crate::domain::{InstanceCrn, KeyCrn, KeyName};

impl Ledger {
    /// The key in `instance` that `name` stands for: no call where it is an id, one where it is an alias. An
    /// alias of another account's key does not exist, although the instance of the request holds it (G10).
    pub async fn resolve(
        &self,
        instance: &InstanceCrn,
        name: &KeyName,
    ) -> Result<Option<KeyCrn>, LedgerError> {
        let alias = match name {
            KeyName::Id(id) => return Ok(Some(instance.clone().key(*id))),
            KeyName::Alias(alias) => alias,
        };
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", string(alias_pk(instance.instance, alias)))
            .key("sk", string(ALIAS_ITEM))
            .consistent_read(true) // an alias works as soon as it was made
            .send()
            .await?;
        let Some(item) = found.item else { return Ok(None) };
        let key: KeyCrn = item
            .get("crn")
            .and_then(|crn| crn.as_s().ok()?.parse().ok())
            .ok_or_else(|| LedgerError::Defect(format!("the item of alias {alias} has no valid `crn`")))?;
        Ok((key.instance == *instance).then_some(key))
    }
}
