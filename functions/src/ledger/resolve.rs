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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        stub::{CRN, Step, Stub, found},
    };

    #[tokio::test]
    async fn alias_names_only_keys_of_its_instance() {
        let key: KeyCrn = CRN.parse().unwrap();
        let resolved = async |step: Step| {
            let ledger = Stub::with([step]).ledger(DynamoDbClient::Sdk);
            ledger.resolve(&key.instance, &KeyName::Alias("payments".parse().unwrap())).await
        };
        let alias_of = |crn: &str| found(&json!({"crn": {"S": crn}}));
        assert_eq!(resolved(alias_of(CRN)).await, Ok(Some(key.clone())));
        assert_eq!(resolved(alias_of(&CRN.replace("abc123", "other"))).await, Ok(None));
        assert_eq!(resolved(Step::Respond(200, json!({}))).await, Ok(None));
        assert!(matches!(resolved(alias_of("none")).await, Err(LedgerError::Defect(_))));
    }
}
