//! Parses a function URL request into a [`SyncRequest`], in which nothing is malformed.
//!
//! The checks run in the order of the refusals' meaning: is this the sync API at all (path, method,
//! size), who is asking (bearer token), about what (instance, ring, key).

use std::str::FromStr;

use http::{HeaderMap, Method, header};
use lambda_http::{Request, RequestExt};

use crate::{
    domain::{CorrelationId, InstanceId, Malformed},
    iam::{NoSubject, UnverifiedToken},
    usecases::sync::SyncRequest,
};

/// The largest body that is read past, in bytes (contract section 1).
const MAX_BODY_BYTES: usize = 10 * 1024;

/// The headers that may hold a correlation id. The first that is there counts (contract section 1): public
/// clients send the one or the other.
const CORRELATION_IDS: [&str; 2] = ["correlation-id", "x-correlation-id"];

/// How much of a caller's value an error message repeats, in characters.
const MAX_ECHO_CHARS: usize = 100;

/// Why a request is no [`SyncRequest`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Another path.
    #[error("there is nothing at this path; the API is POST /api/v2/keys/{{id}}/actions/sync")]
    UnknownPath,
    /// The right path with another method.
    #[error("this path answers POST only")]
    MethodNotAllowed,
    /// A body larger than anybody needs.
    #[error("the body has {bytes} bytes; at most {MAX_BODY_BYTES} are taken, and none is needed")]
    BodyTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No `authorization` header, or an empty one.
    #[error("the `authorization` header is missing; send `Bearer <IAM access token>`")]
    NoToken,
    /// The `authorization` header holds nothing that names a subject.
    #[error(transparent)]
    NoSubject(#[from] NoSubject),
    /// A field that does not say what it must. What it says is for the caller alone, and not for the log: who
    /// takes one header for another may have put a secret there.
    #[error("`{field}` {problem}")]
    Field {
        /// A header's name, or `id` for the key in the path.
        field: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
        /// What it says, as far as it is worth repeating.
        got: Option<String>,
    },
}

/// Parses what came through the function URL. `correlation_id` is that of [`correlation_id`].
pub fn parse_sync_request(
    request: &Request,
    correlation_id: &CorrelationId,
) -> Result<SyncRequest, BadRequest> {
    let key = key_in_path(request.raw_http_path())?;
    if request.method() != Method::POST {
        return Err(BadRequest::MethodNotAllowed);
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
    agree_with_host(headers, instance)?;
    let ring = optional(headers, "x-kms-key-ring")?;
    Ok(SyncRequest { token, instance, key: parse("id", key)?, ring, correlation_id: correlation_id.clone() })
}

/// The correlation id of any request, for the answer's header: the caller's where it is well formed,
/// else a new one.
#[must_use]
pub fn correlation_id(headers: &HeaderMap) -> CorrelationId {
    callers_correlation_id(headers).ok().flatten().unwrap_or_else(CorrelationId::random)
}

/// The caller's correlation id. Where `correlation-id` is there, `x-correlation-id` is not looked at.
fn callers_correlation_id(headers: &HeaderMap) -> Result<Option<CorrelationId>, BadRequest> {
    let given = CORRELATION_IDS.into_iter().find(|name| headers.contains_key(*name));
    given.map_or(Ok(None), |name| optional(headers, name))
}

fn key_in_path(path: &str) -> Result<&str, BadRequest> {
    path.strip_prefix("/api/v2/keys/")
        .and_then(|rest| rest.strip_suffix("/actions/sync"))
        .filter(|id| !id.contains('/'))
        .ok_or(BadRequest::UnknownPath)
}

fn bearer_token(headers: &HeaderMap) -> Result<UnverifiedToken, BadRequest> {
    match single(headers, header::AUTHORIZATION.as_str())? {
        None | Some("") => Err(BadRequest::NoToken),
        Some(value) => Ok(UnverifiedToken::from_authorization(value)?),
    }
}

/// A host that names an instance (`<instance>.api.<region>.hs-crypto.…`) must name the same one.
fn agree_with_host(headers: &HeaderMap, instance: InstanceId) -> Result<(), BadRequest> {
    let host = single(headers, header::HOST.as_str())?.unwrap_or_default();
    let mut labels = host.split('.');
    let named = labels.next().unwrap_or_default();
    // Names of hosts have no case (RFC 9110, section 4.2.3).
    let is = |label: Option<&str>, expected| label.is_some_and(|label| label.eq_ignore_ascii_case(expected));
    let names_an_instance = is(labels.next(), "api") && is(labels.nth(1), "hs-crypto");
    if names_an_instance && named.parse() != Ok(instance) {
        let got = format!("`{instance}`, and the host names {}", shown(named));
        return Err(field("bluemix-instance", "must name the instance of the host", Some(got)));
    }
    Ok(())
}

fn optional<T>(headers: &HeaderMap, name: &'static str) -> Result<Option<T>, BadRequest>
where
    T: FromStr<Err = Malformed>,
{
    single(headers, name)?.map(|value| parse(name, value)).transpose()
}

/// The value of a header that may be given once, or several times with the same value.
///
/// A function URL joins repeated headers with commas before we see them; none of the values read here
/// may hold a comma.
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
    value.parse().map_err(|error: Malformed| field(name, error.to_string(), Some(shown(value))))
}

fn shown(value: &str) -> String {
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
