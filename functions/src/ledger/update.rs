//! The conditional `UpdateItem`, mostly on a key's item, which most writes of the ledger share.

use std::borrow::Cow;

use aws_sdk_dynamodb::{
    config::Builder,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use tokio::time::Instant;

use super::{
    CALL_LIMITS, Ledger, LedgerError,
    expression::{names, string},
    item::{Item, KEY_ITEM, KeyRecord, has_crn, key_pk},
    thin::Attempt,
};
use crate::{
    domain::{InstanceId, KeyCrn, KeyId},
    http_client::aws::CallLimits,
};

/// A conditional update of an item.
pub(super) struct Update<'a> {
    pub(super) condition: &'a str,
    pub(super) effect: &'a str,
    /// Attribute names whose placeholder differs from the name: `#s0` for `cloud-object-storage`.
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Vec<(Cow<'a, str>, AttributeValue)>,
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
    pub(super) fn new(condition: &'a str, effect: &'a str, values: Vec<(&'a str, AttributeValue)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value)).collect();
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

/// The result of an update whose item is parsed.
pub(super) enum UpdatedKey {
    /// The update was written. The key after it, if it was requested.
    Written(Option<Box<KeyRecord>>),
    /// The condition failed. The unchanged key, if it exists and was requested.
    ConditionFailed(Option<Unchanged>),
}

impl UpdatedKey {
    fn read(updated: Updated) -> Result<Self, LedgerError> {
        Ok(match updated {
            Updated::Written(item) if item.is_empty() => Self::Written(None),
            Updated::Written(item) => Self::Written(Some(KeyRecord::read(item).map(Box::new)?)),
            Updated::ConditionFailed(item) => Self::ConditionFailed(item.map(Unchanged::Item)),
        })
    }
}

/// The key whose condition failed. It may be another account's, so whose it is can be determined
/// before it is parsed.
pub(super) enum Unchanged {
    /// As the thin client parsed it.
    Key(Box<KeyRecord>),
    /// As the SDK returned it.
    Item(Item),
}

impl Unchanged {
    /// Whether it is exactly the key `crn`: the same account, service and region.
    pub(super) fn has_crn(&self, crn: &KeyCrn) -> bool {
        match self {
            Self::Key(key) => key.crn == *crn,
            Self::Item(item) => has_crn(item, crn),
        }
    }

    /// The parsed key.
    pub(super) fn read(self) -> Result<Box<KeyRecord>, LedgerError> {
        match self {
            Self::Key(key) => Ok(key),
            Self::Item(item) => KeyRecord::read(item).map(Box::new),
        }
    }
}

impl Ledger {
    /// Executes one `UpdateItem` on the key's item, the first attempt with the thin client if there
    /// is one (`thin/mod.rs`).
    pub(super) async fn update_key(
        &self,
        instance: InstanceId,
        key: KeyId,
        update: Update<'_>,
    ) -> Result<UpdatedKey, LedgerError> {
        let (pk, started) = (key_pk(instance, key), Instant::now());
        let Some(thin) = &self.thin else {
            return UpdatedKey::read(self.update_within(CALL_LIMITS, (&pk, KEY_ITEM), update).await?);
        };
        let wait = match thin.attempt(&self.client, &self.table, &pk, &update).await {
            Attempt::Written(key) => return Ok(UpdatedKey::Written(key)),
            Attempt::ConditionFailed(key) => return Ok(UpdatedKey::ConditionFailed(key.map(Unchanged::Key))),
            Attempt::NotSent => None,
            Attempt::Undecided { wait } => Some(wait),
        };
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
        let limits = CallLimits {
            attempts: CALL_LIMITS.attempts - u32::from(wait.is_some()),
            call_timeout: CALL_LIMITS.call_timeout.saturating_sub(started.elapsed()),
            ..CALL_LIMITS
        };
        let updated = self.update_within(limits, (&pk, KEY_ITEM), update).await?;
        thin.resume();
        UpdatedKey::read(updated)
    }

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
        self.update_within(CALL_LIMITS, (pk, sk), update).await
    }

    /// Executes one `UpdateItem` through the SDK within `limits`, on the item with these keys.
    async fn update_within(
        &self,
        limits: CallLimits,
        (pk, sk): (&str, &str),
        update: Update<'_>,
    ) -> Result<Updated, LedgerError> {
        let mut names = names(&[update.condition, update.effect]);
        names.extend(update.names);
        let values = update.values.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        let returns_item = update.returns == ReturnItem::Always;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", string(pk))
            .key("sk", string(sk))
            .condition_expression(update.condition)
            .update_expression(update.effect)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .set_return_values(returns_item.then_some(ReturnValue::AllNew))
            .set_return_values_on_condition_check_failure(
                returns_item.then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            );
        let result = if limits == CALL_LIMITS {
            request.send().await
        } else {
            let limits = Builder::new().retry_config(limits.retries()).timeout_config(limits.timeouts());
            request.customize().config_override(limits).send().await
        };
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
