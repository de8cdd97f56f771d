//! Aliases. Each has an item, by which the function finds the key, and is listed on the key's item.

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
    /// Adds an alias to a key.
    pub(crate) async fn create_alias(
        &self,
        crn: &KeyCrn,
        alias: &Alias,
        at: EpochMillis,
        by: &str,
    ) -> Result<(), ApiError> {
        let writes = vec![self.new_alias(crn, alias, at, by)?, self.alias_list_update(crn, "ADD", alias)?];
        let names = BTreeSet::from([alias.clone()]);
        if self.transact(writes).await? { Ok(()) } else { Err(self.alias_conflict(crn, &names).await) }
    }

    /// Removes an alias from a key.
    pub(crate) async fn delete_alias(&self, crn: &KeyCrn, alias: &Alias) -> Result<(), ApiError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(item_key(&alias_pk(crn.instance.instance, alias), ALIAS_ITEM)))
            .build()
            .map_err(ApiError::table)?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        let writes = vec![delete, self.alias_list_update(crn, "DELETE", alias)?];
        if self.transact(writes).await? {
            Ok(())
        } else {
            Err(ApiError::table(format!("the alias {alias} was changed concurrently; try again")))
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

    /// The error for the first alias that is already in use.
    pub(super) async fn alias_conflict(&self, crn: &KeyCrn, aliases: &BTreeSet<Alias>) -> ApiError {
        for alias in aliases {
            match self.item(&alias_pk(crn.instance.instance, alias), ALIAS_ITEM).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    let message =
                        format!("The alias {alias} is already in use in this instance: choose another one");
                    return ApiError::conflict("KEY_ALIAS_NOT_UNIQUE_ERR", message);
                }
                Err(error) => return error,
            }
        }
        ApiError::table("the aliases were changed concurrently; try again")
    }

    fn alias_list_update(
        &self,
        crn: &KeyCrn,
        verb: &str,
        alias: &Alias,
    ) -> Result<TransactWriteItem, ApiError> {
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
