//! Bodies of requests: a collection of resources, or the fields of an action.
//!
//! Read from bytes whatever the `content-type` says: the public clients do not agree on it.

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

/// The resources of a collection.
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

/// The resource of a collection that must hold one.
pub(super) fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut resources = several(body)?;
    match (resources.pop(), resources.len()) {
        (Some(resource), 0) => Ok(resource),
        _ => Err(bad_body("`resources` must hold one resource per request")),
    }
}

/// The fields of a body that is there.
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
                let target = named(&path, &problem);
                ApiError { target, ..ApiError::field(&path, format!("cannot be read: {problem}")) }
            }
            syntax => bad_body(&syntax.to_string()),
        }
    })?;
    json.end().map_err(|error| bad_body(&error.to_string()))?;
    Ok(value)
}

/// The fields of a body that may be left out.
pub(super) fn optional<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, ApiError> {
    if is_absent(body) { Ok(T::default()) } else { fields(body) }
}

/// Whether a body that may be left out is. Clients that always send JSON say `null` then.
pub(super) fn is_absent(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), b"" | b"null")
}

/// The field that a problem at `path` is about: the one that is missing there, or the one that is there. A resource
/// of a collection is named like a body that holds nothing else.
fn named(path: &str, problem: &str) -> Option<String> {
    let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let within =
        path.strip_prefix("resources[").and_then(|rest| rest.split_once(']')).map_or(path, |(_, rest)| rest);
    let within = within.trim_matches('.');
    let names: Vec<&str> = [within].into_iter().chain(missing).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| names.join("."))
}

fn bad_body(problem: &str) -> ApiError {
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
    fn one_resource_is_read_with_or_without_metadata() {
        for body in [
            r#"{"resources":[{"name":"a","more":1}]}"#,
            r#"{"metadata":{"collectionTotal":1},"resources":[{"name":"a"}]}"#,
        ] {
            assert_eq!(one(body.as_bytes()), Ok(Named { name: "a".to_owned() }), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        for (body, code, named) in [
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
            assert!(error.message.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn a_body_may_be_left_out_where_nothing_in_it_is_needed() {
        for nothing in ["", "null", " null\n"] {
            assert_eq!(optional(nothing.as_bytes()), Ok(Named::default()), "{nothing:?}");
        }
        for something in ["{}", "nul", "null null", "false", "0"] {
            assert!(optional::<Named>(something.as_bytes()).is_err(), "{something}");
        }
    }

    #[test]
    fn errors_name_their_field_as_target() {
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
