//! The policies of a key as requests write them.

use keysync::domain::EpochMillis;
use serde::Deserialize;

use super::check_interval;
use crate::{ApiError, store::KeyPolicy};

/// Policies in a request: of a new key, or of one that is there.
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

/// A client that knows only the interval means a policy that is enabled.
#[derive(Deserialize)]
struct Rotation {
    enabled: Option<bool>,
    interval_month: Option<i64>,
}

impl PolicyFields {
    /// Whether it says anything.
    pub(crate) fn any(&self) -> bool {
        self.dual_auth_delete.is_some() || self.rotation.is_some()
    }

    /// Whether it says something only of what the query parameter `policy` names.
    pub(super) fn is_only(&self, policy: &str) -> bool {
        match policy {
            "dualAuthDelete" => self.dual_auth_delete.is_some() && self.rotation.is_none(),
            "rotation" => self.rotation.is_some() && self.dual_auth_delete.is_none(),
            _ => false,
        }
    }

    /// The policy that `earlier` becomes, if this says anything of it.
    pub(crate) fn dual_auth_delete(
        &self,
        earlier: Option<&KeyPolicy>,
        at: EpochMillis,
        by: &str,
    ) -> Option<KeyPolicy> {
        let fields = self.dual_auth_delete.as_ref()?;
        Some(KeyPolicy::set(earlier, fields.enabled, None, at, by))
    }

    /// The same for rotation, which is for root keys whose material was made here.
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
            return Err(ApiError::field(
                "rotation",
                "is for keys that the service made, not for imported ones",
            ));
        }
        let enabled = enabled.unwrap_or(true);
        let earlier_interval = earlier.and_then(|policy| policy.interval_month);
        let interval = interval_month.map(check_interval).transpose()?.or(earlier_interval);
        if enabled && interval.is_none() {
            return Err(ApiError::field("interval_month", "is missing; an enabled rotation policy needs it"));
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
        fields.rotation(earlier, true, false, AT, "me").map(Option::unwrap)
    }

    #[test]
    fn an_interval_is_one_to_twelve_months() {
        for (fields, problem) in [
            (json!({"interval_month": 0}), "from 1 to 12"),
            (json!({"interval_month": -1}), "from 1 to 12"),
            (json!({"enabled": true, "interval_month": 13}), "from 1 to 12"),
            (json!({"enabled": true}), "is missing"),
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
    fn a_policy_that_is_set_again_stays_the_same_one() {
        let first = rotation(&json!({"enabled": true, "interval_month": 3}), None).unwrap();
        let second = rotation(&json!({"enabled": false}), Some(&first)).unwrap();
        assert_eq!((second.id, second.enabled, second.interval_month), (first.id, false, Some(3)));
    }
}
