//! Policies of a key, on its item, and policies of an instance, in separate items.

use keysync::domain::{EpochMillis, InstanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Store, from_item};
use crate::ApiError;

const POLICY: &str = "policy#";

/// A policy of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyPolicy {
    /// ID of the policy.
    pub id: Uuid,
    /// Whether the policy is in effect.
    pub enabled: bool,
    /// Interval of a rotation policy, in months of 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_month: Option<u8>,
    /// Time of creation.
    pub created_at: EpochMillis,
    /// IAM ID of the creator.
    pub created_by: String,
    /// Time of the last change.
    pub updated_at: EpochMillis,
    /// IAM ID of the caller that made the last change.
    pub updated_by: String,
}

impl KeyPolicy {
    /// Changes the `earlier` policy, or creates one if that is `None`.
    pub fn set(
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

/// Type of an instance policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PolicyType {
    /// Dual authorization for the deletion of new keys.
    DualAuthDelete,
    /// Networks from which callers are allowed. Stored, but not enforced.
    AllowedNetwork,
    /// IP addresses from which callers are allowed. Not emulated.
    #[serde(rename = "allowedIP")]
    AllowedIp,
    /// Kinds of keys that can be created and imported.
    KeyCreateImportAccess,
    /// Metrics for the instance's owner. Stored, but without effect.
    Metrics,
    /// Rotation policy of new root keys.
    Rotation,
}

/// A policy of an instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstancePolicy {
    pub(crate) policy_type: PolicyType,
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) attributes: Value,
    pub(crate) created_at: EpochMillis,
    pub(crate) created_by: String,
    pub(crate) updated_at: EpochMillis,
    pub(crate) updated_by: String,
}

impl Store {
    pub(crate) async fn set_instance_policy(
        &self,
        instance: InstanceId,
        policy: &InstancePolicy,
    ) -> Result<(), ApiError> {
        let sk = format!("{POLICY}{:?}", policy.policy_type);
        self.put(&policies_pk(instance), &sk, policy).await
    }

    pub(crate) async fn instance_policies(
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
