//! Policies: of a key, on its item; of an instance, as items of their own.

use keysync::domain::{EpochMillis, InstanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Store, from_item};
use crate::endpoint::ApiError;

const POLICY: &str = "policy#";

/// A policy of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyPolicy {
    /// Its id.
    pub(crate) id: Uuid,
    /// Whether it has an effect.
    pub(crate) enabled: bool,
    /// Months of 30 days between rotations, of a rotation policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval_month: Option<u8>,
    /// When it was made.
    pub(crate) created_at: EpochMillis,
    /// By whom.
    pub(crate) created_by: String,
    /// When it was last set.
    pub(crate) updated_at: EpochMillis,
    /// By whom.
    pub(crate) updated_by: String,
}

impl KeyPolicy {
    /// The policy that `earlier` becomes when somebody sets it, or a new one.
    pub(crate) fn set(
        earlier: Option<&Self>,
        enabled: bool,
        interval_month: Option<u8>,
        at: EpochMillis,
        by: &str,
    ) -> Self {
        let by = by.to_owned();
        match earlier {
            Some(earlier) => {
                Self { enabled, interval_month, updated_at: at, updated_by: by, ..earlier.clone() }
            }
            None => Self {
                id: Uuid::new_v4(),
                enabled,
                interval_month,
                created_at: at,
                created_by: by.clone(),
                updated_at: at,
                updated_by: by,
            },
        }
    }
}

/// What a policy of an instance is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::endpoint) enum PolicyType {
    /// New keys need two people to be deleted.
    DualAuthDelete,
    /// Which networks may call. Kept, without effect here.
    AllowedNetwork,
    /// Which addresses may call. Not emulated.
    #[serde(rename = "allowedIP")]
    AllowedIp,
    /// Which kinds of keys may be made and imported.
    KeyCreateImportAccess,
    /// Metrics for the instance's owner. Kept, without effect here.
    Metrics,
    /// New root keys get a rotation policy.
    Rotation,
}

/// A policy of an instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::endpoint) struct InstancePolicy {
    pub(in crate::endpoint) policy_type: PolicyType,
    pub(in crate::endpoint) enabled: bool,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(in crate::endpoint) attributes: Value,
    pub(in crate::endpoint) created_at: EpochMillis,
    pub(in crate::endpoint) created_by: String,
    pub(in crate::endpoint) updated_at: EpochMillis,
    pub(in crate::endpoint) updated_by: String,
}

impl Store {
    pub(in crate::endpoint) async fn set_instance_policy(
        &self,
        instance: InstanceId,
        policy: &InstancePolicy,
    ) -> Result<(), ApiError> {
        let sk = format!("{POLICY}{:?}", policy.policy_type);
        self.put(&policies_pk(instance), &sk, policy).await
    }

    pub(in crate::endpoint) async fn instance_policies(
        &self,
        instance: InstanceId,
    ) -> Result<Vec<InstancePolicy>, ApiError> {
        let items = self.partition(&policies_pk(instance), POLICY).await?;
        items.into_iter().map(from_item).collect()
    }
}

fn policies_pk(instance: InstanceId) -> String {
    format!("{instance}#policies")
}
