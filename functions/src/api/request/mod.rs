//! Parses a request into a [`KeyRequest`], whose fields are all well formed.
//!
//! The first failed check determines the error response: path, method and size of the body, then
//! correlation id, bearer token, instance, host, key ring and key (docs/reference/sync-api.md,
//! "Order of checks").

use std::str::FromStr;

use http::{HeaderMap, header};
use lambda_http::{Request, RequestExt};

use super::Operation;
use crate::{
    domain::{CorrelationId, InstanceId, Malformed},
    iam::{NoSubject, UnverifiedToken},
    usecases::KeyRequest,
};

/// The largest body that is accepted (and ignored), in bytes (docs/reference/limits.md#body-size).
const MAX_BODY_BYTES: usize = 10 * 1024;

/// The headers that may contain a correlation id. The first one that is present counts; the public
/// Python client sends `x-correlation-id`, other clients `correlation-id`.
const CORRELATION_ID_HEADERS: [&str; 2] = ["correlation-id", "x-correlation-id"];

/// The length of a caller's value that an error message repeats, in characters
/// (docs/reference/limits.md#echo).
const MAX_ECHO_CHARS: usize = 100;

/// A request that is not a well-formed [`KeyRequest`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// An unknown path.
    #[error(
        "no such route; to synchronize a key, use POST /api/v2/keys/{{id}}/actions/sync, and to read the \
         status of its notifications, GET /api/v2/keys/{{id}}/notifications"
    )]
    UnknownPath,
    /// The path of the operation with a method that it does not support.
    #[error("this route accepts only {}", .0.methods())]
    MethodNotAllowed(Operation),
    /// A body above the limit.
    #[error("the body has {bytes} bytes; the limit is {MAX_BODY_BYTES}, and no body is needed")]
    BodyTooLarge {
        /// The size of the body.
        bytes: usize,
    },
    /// No `authorization` header, or an empty one.
    #[error("the `authorization` header is missing; send `Bearer <IAM access token>`")]
    NoToken,
    /// The `authorization` header has no token with a subject.
    #[error(transparent)]
    NoSubject(#[from] NoSubject),
    /// An invalid or missing field. The `Display` form, which is logged, omits the value: a caller
    /// that mixes up headers may have sent a secret in it. Only the error response repeats the
    /// value.
    #[error("`{field}` {problem}")]
    Field {
        /// The name of the header, or `id` for the key in the path.
        field: &'static str,
        /// The rule that is violated.
        problem: String,
        /// The value, cut after 100 characters.
        got: Option<String>,
    },
}

/// Parses a request of `operation` about a key. `correlation_id` is the result of
/// [`correlation_id()`].
pub fn parse_key_request(
    request: &Request,
    operation: Operation,
    correlation_id: &CorrelationId,
) -> Result<KeyRequest, BadRequest> {
    let key = operation.key_in(request.raw_http_path()).ok_or(BadRequest::UnknownPath)?;
    if !operation.supports(request.method()) {
        return Err(BadRequest::MethodNotAllowed(operation));
    }
    let bytes = request.body().len();
    if bytes > MAX_BODY_BYTES {
        return Err(BadRequest::BodyTooLarge { bytes });
    }
    let headers = request.headers();
    callers_correlation_id(headers)?;
    let token = bearer_token(headers)?;
    let instance = optional(headers, "bluemix-instance")?.ok_or_else(|| {
        field("bluemix-instance", "is missing; send the UUID of the service instance", None)
    })?;
    check_host(headers, instance)?;
    let ring = optional(headers, "x-kms-key-ring")?;
    Ok(KeyRequest { token, instance, key: parse("id", key)?, ring, correlation_id: correlation_id.clone() })
}

/// The correlation id of a request, for the response header: the caller's if it is well formed,
/// else a new version 4 UUID.
#[must_use]
pub fn correlation_id(headers: &HeaderMap) -> CorrelationId {
    callers_correlation_id(headers).ok().flatten().unwrap_or_else(CorrelationId::random)
}

/// The caller's correlation id. If `correlation-id` is present, `x-correlation-id` is ignored.
fn callers_correlation_id(headers: &HeaderMap) -> Result<Option<CorrelationId>, BadRequest> {
    let present = CORRELATION_ID_HEADERS.into_iter().find(|name| headers.contains_key(*name));
    present.map_or(Ok(None), |name| optional(headers, name))
}

fn bearer_token(headers: &HeaderMap) -> Result<UnverifiedToken, BadRequest> {
    match single(headers, header::AUTHORIZATION.as_str())? {
        None | Some("") => Err(BadRequest::NoToken),
        Some(value) => Ok(UnverifiedToken::from_authorization(value)?),
    }
}

/// Checks that a host of the form `<instance>.api.<region>.hs-crypto.…` names `instance`.
fn check_host(headers: &HeaderMap, instance: InstanceId) -> Result<(), BadRequest> {
    let host = single(headers, header::HOST.as_str())?.unwrap_or_default();
    let mut labels = host.split('.');
    let named = labels.next().unwrap_or_default();
    // Host names are case-insensitive (RFC 9110, section 4.2.3).
    let is = |label: Option<&str>, expected| label.is_some_and(|label| label.eq_ignore_ascii_case(expected));
    let names_instance = is(labels.next(), "api") && is(labels.nth(1), "hs-crypto");
    if names_instance && named.parse() != Ok(instance) {
        let got = format!("`{instance}`, and the host names {}", excerpt(named));
        return Err(field("bluemix-instance", "must name the instance of the host", Some(got)));
    }
    Ok(())
}

/// The parsed value of a header, `None` if it is absent.
fn optional<T>(headers: &HeaderMap, name: &'static str) -> Result<Option<T>, BadRequest>
where
    T: FromStr<Err = Malformed>,
{
    single(headers, name)?.map(|value| parse(name, value)).transpose()
}

/// The value of a header, which may be repeated with the same value.
///
/// A function URL joins repeated headers with commas; no value that is read here can contain a
/// comma.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, BadRequest> {
    let mut found = None;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| field(name, "must be visible ASCII characters", None))?;
        for part in text.split(',').map(str::trim) {
            if found.replace(part).is_some_and(|earlier| earlier != part) {
                return Err(field(name, "is given more than once with different values; send it once", None));
            }
        }
    }
    Ok(found)
}

fn parse<T: FromStr<Err = Malformed>>(name: &'static str, value: &str) -> Result<T, BadRequest> {
    value.parse().map_err(|error: Malformed| field(name, error.to_string(), Some(excerpt(value))))
}

/// `value` in backquotes, cut after [`MAX_ECHO_CHARS`] characters.
fn excerpt(value: &str) -> String {
    if value.chars().count() <= MAX_ECHO_CHARS {
        return format!("`{value}`");
    }
    let start: String = value.chars().take(MAX_ECHO_CHARS).collect();
    format!("`{start}…` ({} characters)", value.chars().count())
}

fn field(field: &'static str, problem: impl Into<String>, got: Option<String>) -> BadRequest {
    BadRequest::Field { field, problem: problem.into(), got }
}

#[cfg(test)]
mod tests;
