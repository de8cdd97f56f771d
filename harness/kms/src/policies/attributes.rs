//! Attributes of an instance's policies: validation and defaults.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{check_interval, instance::PolicyData};
use crate::{ApiError, store::PolicyType};

/// Defaults of the attributes of `keyCreateImportAccess`. An attribute that a request omits is
/// reset to its default.
const CREATE_IMPORT_ACCESS: [(&str, bool); 5] = [
    ("create_root_key", true),
    ("create_standard_key", true),
    ("import_root_key", true),
    ("import_standard_key", true),
    ("enforce_token", false),
];

/// Validates the attributes in a request and returns those to store. Null if it has no attributes.
pub(super) fn validated(kind: PolicyType, data: &PolicyData) -> Result<Value, ApiError> {
    let PolicyData { enabled, attributes } = data;
    if !attributes.is_null() && !attributes.is_object() {
        return Err(ApiError::field("attributes", "must be an object"));
    }
    match kind {
        PolicyType::AllowedIp => {
            let message = "This action is not permitted on this resource: allowedIP is not emulated";
            Err(ApiError::new(StatusCode::FORBIDDEN, "FEATURE_RESTRICTED_ERR", message))
        }
        PolicyType::AllowedNetwork => allowed_network(*enabled, attributes),
        PolicyType::KeyCreateImportAccess => create_import_access(*enabled, attributes),
        _ if !enabled && !attributes.is_null() => {
            Err(ApiError::field("attributes", "must be omitted from a disabled policy"))
        }
        PolicyType::Rotation if *enabled => {
            check_interval(attributes["interval_month"].as_i64().unwrap_or_default())?;
            Ok(attributes.clone())
        }
        PolicyType::Rotation | PolicyType::DualAuthDelete | PolicyType::Metrics => Ok(attributes.clone()),
    }
}

/// Validates `allowedNetwork`. The Go client sends attributes, which may be empty, with a disabled
/// policy as well.
fn allowed_network(enabled: bool, attributes: &Value) -> Result<Value, ApiError> {
    match &attributes["allowed_network"] {
        Value::Null if !enabled => Ok(Value::Null),
        Value::String(network) if matches!(network.as_str(), "public-and-private" | "private-only") => {
            Ok(attributes.clone())
        }
        _ => Err(ApiError::field("allowed_network", "must be public-and-private or private-only")),
    }
}

fn create_import_access(enabled: bool, attributes: &Value) -> Result<Value, ApiError> {
    if enabled && attributes.is_null() {
        return Err(ApiError::field("attributes", "is required in an enabled policy"));
    }
    let mut all = Map::new();
    for (name, default) in CREATE_IMPORT_ACCESS {
        let value = match &attributes[name] {
            Value::Null => default,
            Value::Bool(value) => *value,
            _ => return Err(ApiError::field(name, "must be true or false")),
        };
        all.insert(name.to_owned(), json!(value));
    }
    Ok(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, enabled: bool, attributes: Value) -> Result<Value, String> {
        let kind = serde_json::from_value(json!(kind)).unwrap();
        validated(kind, &PolicyData { enabled, attributes }).map_err(|error| error.target.unwrap_or_default())
    }

    #[test]
    fn disabled_network_policy_keeps_attributes() {
        let private = json!({"allowed_network": "private-only"});
        for (enabled, attributes, expected) in [
            (true, private.clone(), Ok(private.clone())),
            (false, private.clone(), Ok(private)),
            (false, Value::Null, Ok(Value::Null)),
            (false, json!({}), Ok(Value::Null)),
            (true, Value::Null, Err("allowed_network")),
            (true, json!({}), Err("allowed_network")),
            (false, json!({"allowed_network": "x"}), Err("allowed_network")),
            (false, json!([]), Err("attributes")),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(of("allowedNetwork", enabled, attributes.clone()), expected, "{enabled} {attributes}");
        }
    }

    #[test]
    fn omitted_access_attributes_get_defaults() {
        let all = |[a, b, c, d, e]: [bool; 5]| {
            json!({"create_root_key": a, "create_standard_key": b, "import_root_key": c,
                   "import_standard_key": d, "enforce_token": e})
        };
        let defaults = all([true, true, true, true, false]);
        for (enabled, attributes, expected) in [
            (true, json!({"create_root_key": false}), Ok(all([false, true, true, true, false]))),
            (true, json!({"enforce_token": true}), Ok(all([true, true, true, true, true]))),
            (true, all([false, false, true, false, true]), Ok(all([false, false, true, false, true]))),
            (true, json!({}), Ok(defaults.clone())),
            (false, Value::Null, Ok(defaults)),
            (false, json!({"import_root_key": false}), Ok(all([true, true, false, true, false]))),
            (true, Value::Null, Err("attributes")),
            (true, json!({"create_root_key": 1}), Err("create_root_key")),
            (true, json!(["create_root_key"]), Err("attributes")),
        ] {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(
                of("keyCreateImportAccess", enabled, attributes.clone()),
                expected,
                "{enabled} {attributes}"
            );
        }
    }

    #[test]
    fn disabled_policies_reject_attributes() {
        for kind in ["rotation", "dualAuthDelete", "metrics"] {
            assert_eq!(of(kind, false, json!({})), Err("attributes".to_owned()), "{kind}");
            assert_eq!(of(kind, false, Value::Null), Ok(Value::Null), "{kind}");
        }
    }
}
