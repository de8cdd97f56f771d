//! The conditional update, the one kind of write that the ledger makes to a key's item.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    Ledger, LedgerError,
    expression::{names, string},
    item::{Item, KEY_ITEM, key_pk},
};
use crate::domain::{InstanceId, KeyId};

/// What to write, and when.
pub(super) struct Update<'a> {
    pub(super) condition: &'a str,
    pub(super) effect: &'a str,
    /// Names that are not their own placeholder: `#s0` for `cloud-object-storage`.
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Vec<(String, AttributeValue)>,
    /// Whether anybody looks at the item afterwards: it takes more to read than to write.
    pub(super) is_read: bool,
}

impl<'a> Update<'a> {
    pub(super) fn new(condition: &'a str, effect: &'a str, values: Vec<(&str, AttributeValue)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { condition, effect, names: Vec::new(), values, is_read: true }
    }
}

/// What came of it, with the item in either case where it is read: no second call is needed to learn why.
pub(super) enum Updated {
    /// Written; the item as it is now, or nothing where it is not read.
    Written(Item),
    /// The condition did not hold; the item as it is, where there is one and it is read.
    Refused(Option<Item>),
}

impl Ledger {
    /// One `UpdateItem` on the key's item.
    pub(super) async fn update(
        &self,
        instance: InstanceId,
        key: KeyId,
        update: Update<'_>,
    ) -> Result<Updated, LedgerError> {
        let mut names = names(&[update.condition, update.effect]);
        names.extend(update.names);
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", string(key_pk(instance, key)))
            .key("sk", string(KEY_ITEM))
            .condition_expression(update.condition)
            .update_expression(update.effect)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(update.values.into_iter().collect()))
            .set_return_values(update.is_read.then_some(ReturnValue::AllNew))
            .set_return_values_on_condition_check_failure(
                update.is_read.then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .send()
            .await;
        match result {
            Ok(output) => Ok(Updated::Written(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Updated::Refused(failed.item().cloned()))
                }
                _ => Err(error.into()),
            },
        }
    }
}
