//! Effects of an instance's policies on new keys.

use keysync::domain::{EpochMillis, InstanceId};
use serde_json::Value;

use crate::{
    ApiError, Endpoint,
    keys::NewMaterial,
    store::{InstancePolicy, KeyPolicy, PolicyType},
};

/// The enabled policies of an instance.
pub(crate) struct Defaults(Vec<InstancePolicy>);

pub(crate) async fn defaults(endpoint: &Endpoint, instance: InstanceId) -> Result<Defaults, ApiError> {
    let mut policies = endpoint.0.store.instance_policies(instance).await?;
    policies.retain(|policy| policy.enabled);
    Ok(Defaults(policies))
}

impl Defaults {
    /// The dual authorization policy of a new key.
    pub(crate) fn dual_auth_delete(&self, at: EpochMillis, by: &str) -> Option<KeyPolicy> {
        self.of(PolicyType::DualAuthDelete).map(|_| KeyPolicy::set(None, true, None, at, by))
    }

    /// The rotation policy of a new root key with generated material.
    pub(crate) fn rotation(&self, at: EpochMillis, by: &str) -> Option<KeyPolicy> {
        let months = self.of(PolicyType::Rotation)?["interval_month"].as_u64()?;
        Some(KeyPolicy::set(None, true, u8::try_from(months).ok(), at, by))
    }

    /// Checks that the policies allow a key of this kind to be created or imported.
    pub(crate) fn allow(&self, is_root: bool, new: &NewMaterial<'_>) -> Result<(), ApiError> {
        let Some(attributes) = self.of(PolicyType::KeyCreateImportAccess) else { return Ok(()) };
        let enabled = |name: &str, default: bool| attributes[name].as_bool().unwrap_or(default);
        let allowed = match (new, is_root) {
            (NewMaterial::Generated, true) => enabled("create_root_key", true),
            (NewMaterial::Generated, false) => enabled("create_standard_key", true),
            (NewMaterial::Encrypted(..), _) => enabled("import_root_key", true),
            (NewMaterial::Plain(_), true) => {
                enabled("import_root_key", true) && !enabled("enforce_token", false)
            }
            (NewMaterial::Plain(_), false) => {
                enabled("import_standard_key", true) && !enabled("enforce_token", false)
            }
        };
        if allowed {
            return Ok(());
        }
        let message = "KeyCreateImportAccess instance policy does not allow this action";
        Err(ApiError::conflict("KEY_CREATE_IMPORT_ACCESS_ERR", message))
    }

    fn of(&self, kind: PolicyType) -> Option<&Value> {
        self.0.iter().find(|policy| policy.policy_type == kind).map(|policy| &policy.attributes)
    }
}
