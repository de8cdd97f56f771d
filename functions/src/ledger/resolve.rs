//! Resolution of an alias to its key.

use super::{
    Ledger, LedgerError,
    item::{ALIAS_ITEM, alias_pk},
};
use crate::domain::{InstanceCrn, KeyCrn, KeyName};

impl Ledger {
    /// The CRN of the key that `name` identifies in `instance`; `None` if an alias is unknown.
    /// Takes no call for an id, and one for an alias. An alias of a key in another account is
    /// unknown, even if it is stored under the same instance id (guarantee G10).
    pub async fn resolve(
        &self,
        instance: &InstanceCrn,
        name: &KeyName,
    ) -> Result<Option<KeyCrn>, LedgerError> {
        let alias = match name {
            KeyName::Id(id) => return Ok(Some(instance.clone().key(*id))),
            KeyName::Alias(alias) => alias,
        };
        // Consistent, so that a new alias can be used at once.
        let Some(item) = self.get(&alias_pk(instance.instance, alias), ALIAS_ITEM).await? else {
            return Ok(None);
        };
        let key: KeyCrn = item
            .get("crn")
            .and_then(|crn| crn.as_s().ok()?.parse().ok())
            .ok_or_else(|| LedgerError::Defect(format!("the item of alias `{alias}` has no valid `crn`")))?;
        Ok((key.instance == *instance).then_some(key))
    }
}
