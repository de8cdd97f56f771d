//! Policies of a key in requests.

use keysync::domain::EpochMillis;
use serde::Deserialize;

use super::check_interval;
use crate::{ApiError, store::KeyPolicy};

/// Policies of a new or existing key in a request.
#[derive(Default, Deserialize)]
pub(crate) struct PolicyFields {
    #[serde(rename = "dualAuthDelete")]
    dual_auth_delete: Option<DualAuth>,
    rotation: Option<Rotation>,
}

#[derive(Deserialize)]
struct DualAuth {
    enabled: bool,
}

/// A rotation policy. Some clients send only the interval, which enables the policy.
#[derive(Deserialize)]
struct Rotation {
    enabled: Option<bool>,
    interval_month: Option<i64>,
}

impl PolicyFields {
    /// Whether the request contains a policy.
    pub(crate) fn any(&self) -> bool {
        self.dual_auth_delete.is_some() || self.rotation.is_some()
    }

    /// Whether the request contains only the policy that the query parameter `policy` names.
    pub(super) fn is_only(&self, policy: &str) -> bool {
        match policy {
            "dualAuthDelete" => self.dual_auth_delete.is_some() && self.rotation.is_none(),
            "rotation" => self.rotation.is_some() && self.dual_auth_delete.is_none(),
            _ => false,
        }
    }

    /// The dual authorization policy that replaces `earlier`, if the request contains one.
    pub(crate) fn dual_auth_delete(
        &self,
        earlier: Option<&KeyPolicy>,
        at: EpochMillis,
        by: &str,
    ) -> Option<KeyPolicy> {
        let fields = self.dual_auth_delete.as_ref()?;
        Some(KeyPolicy::set(earlier, fields.enabled, None, at, by))
    }

    /// The rotation policy that replaces `earlier`, if the request contains one. Only root keys
    /// with generated material can have one.
    pub(crate) fn rotation(
        &self,
        earlier: Option<&KeyPolicy>,
        is_root: bool,
        is_imported: bool,
        at: EpochMillis,
        by: &str,
    ) -> Result<Option<KeyPolicy>, ApiError> {
        let Some(Rotation { enabled, interval_month }) = &self.rotation else { return Ok(None) };
        if !is_root {
            return Err(ApiError::root_key_required());
        }
        if is_imported {
            return Err(ApiError::field("rotation", "is not supported for imported keys"));
        }
        let enabled = enabled.unwrap_or(true);
        let earlier_interval = earlier.and_then(|policy| policy.interval_month);
        let interval = interval_month.map(check_interval).transpose()?.or(earlier_interval);
        if enabled && interval.is_none() {
            return Err(ApiError::field("interval_month", "is required in an enabled rotation policy"));
        }
        Ok(Some(KeyPolicy::set(earlier, enabled, interval, at, by)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: EpochMillis = EpochMillis::new(1_700_000_000_000);

    fn rotation(fields: &serde_json::Value, earlier: Option<&KeyPolicy>) -> Result<KeyPolicy, ApiError> {
        let fields: PolicyFields = serde_json::from_value(json!({"rotation": fields})).unwrap();
        fields.rotation(earlier, true, false, AT, "IBMid-1").map(Option::unwrap)
    }

    #[test]
    fn rotation_interval_is_one_to_twelve_months() {
        for (fields, problem) in [
            (json!({"interval_month": 0}), "from 1 to 12"),
            (json!({"interval_month": -1}), "from 1 to 12"),
            (json!({"enabled": true, "interval_month": 13}), "from 1 to 12"),
            (json!({"enabled": true}), "is required"),
        ] {
            let error = rotation(&fields, None).unwrap_err();
            assert!(
                error.code == "INVALID_FIELD_ERR" && error.message.contains(problem),
                "{fields}: {error}"
            );
        }
        assert_eq!(rotation(&json!({"interval_month": 12}), None).unwrap().interval_month, Some(12));
    }

    #[test]
    fn second_change_keeps_policy_id_and_interval() {
        let first = rotation(&json!({"enabled": true, "interval_month": 3}), None).unwrap();
        let second = rotation(&json!({"enabled": false}), Some(&first)).unwrap();
        assert_eq!((second.id, second.enabled, second.interval_month), (first.id, false, Some(3)));
    }
}
