//! The conditional `UpdateItem`, mostly on a key's item, which most writes of the ledger share.

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

/// A conditional update of an item.
pub(super) struct Update<'a> {
    pub(super) condition: &'a str,
    pub(super) effect: &'a str,
    /// Attribute names whose placeholder differs from the name: `#s0` for `cloud-object-storage`.
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Vec<(String, AttributeValue)>,
    pub(super) returns: ReturnItem,
}

/// Whether the response of an update includes the item. Parsing it costs more than the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReturnItem {
    Always,
    Never,
}

impl<'a> Update<'a> {
    /// An update whose response includes the item.
    pub(super) fn new(condition: &'a str, effect: &'a str, values: Vec<(&str, AttributeValue)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { condition, effect, names: Vec::new(), values, returns: ReturnItem::Always }
    }
}

/// The result of an update. Both variants include the item if it was requested, so that no second
/// call is needed to determine the cause.
pub(super) enum Updated {
    /// The update was written. The item after it, or an empty one with [`ReturnItem::Never`].
    Written(Item),
    /// The condition failed. The unchanged item, if it exists and was requested.
    ConditionFailed(Option<Item>),
}

impl Ledger {
    /// Executes one `UpdateItem` on the key's item.
    pub(super) async fn update(
        &self,
        instance: InstanceId,
        key: KeyId,
        update: Update<'_>,
    ) -> Result<Updated, LedgerError> {
        self.update_item(&key_pk(instance, key), KEY_ITEM, update).await
    }

    /// Executes one `UpdateItem` on the item with these keys.
    pub(super) async fn update_item(
        &self,
        pk: &str,
        sk: &str,
        update: Update<'_>,
    ) -> Result<Updated, LedgerError> {
        let mut names = names(&[update.condition, update.effect]);
        names.extend(update.names);
        let returns_item = update.returns == ReturnItem::Always;
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", string(pk))
            .key("sk", string(sk))
            .condition_expression(update.condition)
            .update_expression(update.effect)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(update.values.into_iter().collect()))
            .set_return_values(returns_item.then_some(ReturnValue::AllNew))
            .set_return_values_on_condition_check_failure(
                returns_item.then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .send()
            .await;
        match result {
            Ok(output) => Ok(Updated::Written(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Updated::ConditionFailed(failed.item().cloned()))
                }
                _ => Err(error.into()),
            },
        }
    }
}
