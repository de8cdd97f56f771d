//! A filter of requests, and how often they were received.

use std::fmt;

use axum::http::HeaderName;
use serde::Deserialize;

use super::{Entry, Journal, Part, mask::Mask};
use crate::{assertion::fail, secret_scanner::KnownSecrets};

/// Selects requests of the journal. Without a condition, it selects all of them; with several,
/// those that meet each of them.
///
/// ```
/// use keysync_emulator_support::journal::{Part, RequestFilter};
/// let syncs = RequestFilter::to(Part::Endpoint).method("POST").path("/actions/sync");
/// assert_eq!(syncs.to_string(), "POST requests to endpoint with `/actions/sync` in the path");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[non_exhaustive]
pub struct RequestFilter {
    /// The part that received the request.
    #[cfg_attr(feature = "openapi", param(inline))]
    pub to: Option<Part>,
    /// The method.
    pub method: Option<String>,
    /// A part of path and query.
    pub path: Option<String>,
    /// A header of the request and its value, such as `correlation-id:4f2a…`.
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>, example = "correlation-id:4f2a"))]
    pub header: Option<HeaderFilter>,
    /// The status of the response.
    pub status: Option<u16>,
}

/// A part of the selected requests. By default, it is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct Newest {
    /// Only the newest of the selected requests, this many.
    pub last: Option<usize>,
    /// Without this many of the newest ones.
    pub skip: Option<usize>,
}

/// A header's name and value, written `name:value`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderFilter {
    name: HeaderName,
    value: String,
}

impl std::str::FromStr for HeaderFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(name, value)| Some((name.trim().parse().ok()?, value)));
        let (name, value) = parsed.ok_or_else(|| {
            let start: String = text.chars().take(80).collect();
            format!("must be a header's name and value, such as `correlation-id:4f2a`: got `{start}`")
        })?;
        Ok(Self { name, value: value.trim().to_owned() })
    }
}

impl TryFrom<String> for HeaderFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl RequestFilter {
    /// Selects the requests to `part`.
    #[must_use]
    pub fn to(part: Part) -> Self {
        Self { to: Some(part), ..Self::default() }
    }

    /// Selects requests with this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Selects requests with this text in path or query.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { path: Some(part.to_owned()), ..self }
    }

    /// Selects requests with this value of a header.
    #[must_use]
    pub fn header(self, name: HeaderName, value: &str) -> Self {
        Self { header: Some(HeaderFilter { name, value: value.to_owned() }), ..self }
    }

    /// Selects requests whose response had this status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Whether an exchange meets all conditions.
    pub(super) fn selects(&self, Entry { outline, request, .. }: &Entry) -> bool {
        let Self { to, method, path, header, status } = self;
        to.is_none_or(|to| to == outline.to)
            && method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&outline.method))
            && path.as_ref().is_none_or(|path| outline.path.contains(path.as_str()))
            && header.as_ref().is_none_or(|HeaderFilter { name, value }| {
                request.headers.get_all(name).iter().any(|found| found.as_bytes() == value.as_bytes())
            })
            && status.is_none_or(|status| outline.status == Some(status))
    }
}

impl fmt::Display for RequestFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, method, path, header, status } = self;
        if let Some(method) = method {
            write!(f, "{} ", method.to_uppercase())?;
        }
        f.write_str("requests")?;
        if let Some(part) = to {
            write!(f, " to {part}")?;
        }
        if let Some(path) = path {
            write!(f, " with `{path}` in the path")?;
        }
        if let Some(HeaderFilter { name, value }) = header {
            write!(f, " with `{name}: {}`", Mask::all(&KnownSecrets::default()).header(name, value))?;
        }
        if let Some(status) = status {
            write!(f, " with a {status}")?;
        }
        Ok(())
    }
}

impl Journal {
    /// Asserts that exactly `count` requests meet the filter.
    ///
    /// # Panics
    ///
    /// If not. The message has the filter, the number, and the last requests.
    #[track_caller]
    pub fn assert_count(&self, filter: &RequestFilter, count: usize) {
        let found = self.count(filter);
        if found != count {
            fail(format_args!("{count} {filter}"), found, self);
        }
    }

    /// Asserts that the requests that meet the filter all have the same value of a header, and
    /// returns it: for example, that a client repeats its `correlation-id` when it retries.
    ///
    /// # Panics
    ///
    /// If there is no such request, or one has no such header or another value. The message has the
    /// values and the last requests.
    #[track_caller]
    pub fn assert_same_header(&self, filter: &RequestFilter, name: &str) -> String {
        let requests = self.matching_with_secrets(filter);
        let values: Vec<_> = requests.iter().map(|exchange| exchange.request.header(name)).collect();
        match values.as_slice() {
            [Some(first), rest @ ..] if rest.iter().all(|value| *value == Some(first)) => (*first).to_owned(),
            _ => {
                let masked = self.matching(filter);
                let found: Vec<_> = masked.iter().map(|exchange| exchange.request.header(name)).collect();
                fail(format_args!("the same `{name}` in all {filter}"), format_args!("{found:?}"), self)
            }
        }
    }
}
