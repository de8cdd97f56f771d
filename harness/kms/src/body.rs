//! Request bodies: a collection of resources, or the fields of an action.
//!
//! A body is parsed as JSON whatever its `content-type`, because the public clients send different
//! ones.

use axum::http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use super::ApiError;

#[derive(Deserialize)]
struct Collection<T> {
    metadata: Option<Metadata>,
    resources: Vec<T>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "collectionTotal")]
    total: Option<usize>,
}

/// Parses a collection of resources.
pub(super) fn several<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, ApiError> {
    let Collection { metadata, resources } = fields::<Collection<T>>(body)?;
    match metadata.and_then(|metadata| metadata.total) {
        Some(total) if total != resources.len() => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "COLLECTION_TOTAL_MISMATCH_ERR",
            format!("Collection total does not match number of resources: {total} and {}", resources.len()),
        )),
        _ => Ok(resources),
    }
}

/// Parses a collection of exactly one resource.
pub(super) fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut resources = several(body)?;
    match (resources.pop(), resources.len()) {
        (Some(resource), 0) => Ok(resource),
        _ => Err(malformed_body("`resources` must hold one resource per request")),
    }
}

/// Parses the fields of a required body.
pub(super) fn fields<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "NO_BODY_ERR", "Missing body in request"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        match error.into_inner() {
            data if data.is_data() => {
                let problem = data.to_string();
                let target = field_name(&path, &problem);
                ApiError { target, ..ApiError::field(&path, format!("is invalid: {problem}")) }
            }
            syntax => malformed_body(&syntax.to_string()),
        }
    })?;
    json.end().map_err(|error| malformed_body(&error.to_string()))?;
    Ok(value)
}

/// Parses the fields of an optional body.
pub(super) fn optional<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, ApiError> {
    if is_absent(body) { Ok(T::default()) } else { fields(body) }
}

/// Whether an optional body is missing. Clients that always send JSON send `null` instead.
pub(super) fn is_absent(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), b"" | b"null")
}

/// The name of the missing or invalid field at `path`. Fields of a collection's resource are named
/// without the prefix `resources[…]`.
fn field_name(path: &str, problem: &str) -> Option<String> {
    let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let within =
        path.strip_prefix("resources[").and_then(|rest| rest.split_once(']')).map_or(path, |(_, rest)| rest);
    let within = within.trim_matches('.');
    let names: Vec<&str> = [within].into_iter().chain(missing).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| names.join("."))
}

fn malformed_body(problem: &str) -> ApiError {
    let message = format!("Invalid body data was passed: Please ensure the data is well formed: {problem}");
    ApiError::new(StatusCode::BAD_REQUEST, "BAD_BODY_ERR", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    struct Named {
        name: String,
    }

    #[test]
    fn accepts_collection_with_or_without_metadata() {
        for body in [
            r#"{"resources":[{"name":"a","more":1}]}"#,
            r#"{"metadata":{"collectionTotal":1},"resources":[{"name":"a"}]}"#,
        ] {
            assert_eq!(one(body.as_bytes()), Ok(Named { name: "a".to_owned() }), "{body}");
        }
    }

    #[test]
    fn error_reports_problem_of_body() {
        for (body, code, problem) in [
            ("", "NO_BODY_ERR", "body"),
            ("{", "BAD_BODY_ERR", "line 1"),
            (r#"{"resources":[{"name":"a"}]} x"#, "BAD_BODY_ERR", "trailing"),
            (r#"{"resources":[]}"#, "BAD_BODY_ERR", "one resource"),
            (r#"{"resources":[{"name":"a"},{"name":"b"}]}"#, "BAD_BODY_ERR", "one resource"),
            (r#"{"resources":[{"name":1}]}"#, "INVALID_FIELD_ERR", "`resources[0].name`"),
            (r#"{"resources":[{}]}"#, "INVALID_FIELD_ERR", "`name`"),
            (
                r#"{"metadata":{"collectionTotal":2},"resources":[{"name":"a"}]}"#,
                "COLLECTION_TOTAL_MISMATCH_ERR",
                "2 and 1",
            ),
        ] {
            let error = one::<Named>(body.as_bytes()).unwrap_err();
            assert_eq!((error.status.as_u16(), error.code), (400, code), "{body}");
            assert!(error.message.contains(problem), "{body}: {error}");
        }
    }

    #[test]
    fn accepts_missing_optional_body() {
        for missing in ["", "null", " null\n"] {
            assert_eq!(optional(missing.as_bytes()), Ok(Named::default()), "{missing:?}");
        }
        for invalid in ["{}", "nul", "null null", "false", "0"] {
            assert!(optional::<Named>(invalid.as_bytes()).is_err(), "{invalid}");
        }
    }

    #[test]
    fn error_target_is_invalid_field() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[serde(rename = "inner")]
            _inner: Named,
        }
        for (body, target) in [
            (r#"{"resources":[{"inner":{"name":1}}]}"#, Some("inner.name")),
            (r#"{"resources":[{"inner":{}}]}"#, Some("inner.name")),
            (r#"{"resources":[{"inner":1}]}"#, Some("inner")),
            (r#"{"resources":[{}]}"#, Some("inner")),
            (r#"{"resources":7}"#, Some("resources")),
            (r#"{"resources":[7]}"#, None),
            ("7", None),
            ("{", None),
        ] {
            assert_eq!(one::<Outer>(body.as_bytes()).unwrap_err().target.as_deref(), target, "{body}");
        }
    }
}
