//! Policies: of a key, on its item; of an instance, as items of their own.

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
    /// Its id.
    pub id: Uuid,
    /// Whether it has an effect.
    pub enabled: bool,
    /// Months of 30 days between rotations, of a rotation policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_month: Option<u8>,
    /// When it was made.
    pub created_at: EpochMillis,
    /// By whom.
    pub created_by: String,
    /// When it was last set.
    pub updated_at: EpochMillis,
    /// By whom.
    pub updated_by: String,
}

impl KeyPolicy {
    /// The policy that `earlier` becomes when somebody sets it, or a new one.
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

/// What a policy of an instance is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PolicyType {
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
