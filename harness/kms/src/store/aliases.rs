//! Aliases: an item of their own, by which the function finds the key, and a name on the key's item.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use keysync::{
    domain::{Alias, EpochMillis, KeyCrn},
    ledger::item::{ALIAS_ITEM, KEY_ITEM, alias_pk},
};
use serde_json::json;

use super::{Store, item_key, pk};
use crate::ApiError;

impl Store {
    /// Gives a key another name.
    pub(crate) async fn create_alias(
        &self,
        crn: &KeyCrn,
        alias: &Alias,
        at: EpochMillis,
        by: &str,
    ) -> Result<(), ApiError> {
        let writes = vec![self.new_alias(crn, alias, at, by)?, self.name_list(crn, "ADD", alias)?];
        let names = BTreeSet::from([alias.clone()]);
        if self.transact(writes).await? { Ok(()) } else { Err(self.alias_taken(crn, &names).await) }
    }

    /// Takes a name from a key.
    pub(crate) async fn delete_alias(&self, crn: &KeyCrn, alias: &Alias) -> Result<(), ApiError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(&alias_pk(crn.instance.instance, alias), ALIAS_ITEM)))
            .build()
            .map_err(ApiError::table)?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        let both = vec![delete, self.name_list(crn, "DELETE", alias)?];
        if self.transact(both).await? {
            Ok(())
        } else {
            Err(ApiError::table(format!("the alias {alias} is changing too fast; try again")))
        }
    }

    pub(super) fn new_alias(
        &self,
        crn: &KeyCrn,
        alias: &Alias,
        at: EpochMillis,
        by: &str,
    ) -> Result<TransactWriteItem, ApiError> {
        let item = json!({"crn": crn, "created_at": at, "created_by": by});
        self.new_item(&alias_pk(crn.instance.instance, alias), ALIAS_ITEM, item)
    }

    /// Which of the aliases somebody has already.
    pub(super) async fn alias_taken(&self, crn: &KeyCrn, aliases: &BTreeSet<Alias>) -> ApiError {
        for alias in aliases {
            match self.item(&alias_pk(crn.instance.instance, alias), ALIAS_ITEM).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    let message = format!("The alias {alias} is taken in this instance: choose another one");
                    return ApiError::conflict("KEY_ALIAS_NOT_UNIQUE_ERR", message);
                }
                Err(error) => return error,
            }
        }
        ApiError::table("the aliases are changing too fast; try again")
    }

    fn name_list(&self, crn: &KeyCrn, verb: &str, alias: &Alias) -> Result<TransactWriteItem, ApiError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(&pk(crn), KEY_ITEM)))
            .update_expression(format!("{verb} #aliases :names"))
            .expression_attribute_names("#aliases", "aliases")
            .expression_attribute_values(":names", AttributeValue::Ss(vec![alias.to_string()]))
            .build()
            .map_err(ApiError::table)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
