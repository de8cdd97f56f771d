//! A request that can be sent more than once.

use std::fmt;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Uri,
    header::{ACCEPT, AUTHORIZATION, IntoHeaderName, USER_AGENT},
};
use url::Url;

/// The name of the client, unless a request has its own.
const NAME: HeaderValue = HeaderValue::from_static(concat!("keysync/", env!("CARGO_PKG_VERSION")));

/// A URL or a header that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// A character that HTTP does not allow in a target.
    #[error("the URL is invalid in HTTP")]
    Url,
    /// A character that HTTP does not allow in a header.
    #[error("a header's value is invalid in HTTP")]
    Header,
}

/// A request with its whole body. Its `Debug` output has no path, no headers and no body, which may
/// be secret.
#[derive(Clone)]
pub struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    invalid: Option<InvalidRequest>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, url: &Url) -> Self {
        let uri = Uri::try_from(url.as_str());
        let invalid = uri.is_err().then_some(InvalidRequest::Url);
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, NAME);
        Self { method, uri: uri.unwrap_or_default(), headers, body: Bytes::new(), invalid }
    }

    /// With a header, in the place of one with this name. An invalid value is an error when the
    /// request is sent.
    #[must_use]
    pub fn header<V: TryInto<HeaderValue>>(self, name: impl IntoHeaderName, value: V) -> Self {
        self.insert(name, value.try_into().ok())
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok();
        if let Some(value) = &mut value {
            value.set_sensitive(true);
        }
        self.insert(AUTHORIZATION, value)
    }

    fn insert(mut self, name: impl IntoHeaderName, value: Option<HeaderValue>) -> Self {
        match value {
            Some(value) => drop(self.headers.insert(name, value)),
            None => self.invalid = Some(InvalidRequest::Header),
        }
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The bytes of the body.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The request as hyper sends it.
    pub(super) fn to_http(&self) -> Result<http::Request<SdkBody>, InvalidRequest> {
        if let Some(invalid) = self.invalid {
            return Err(invalid);
        }
        let mut request = http::Request::new(SdkBody::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.uri.host().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request::new(Method::POST, &"https://service.example/secret-path".parse().unwrap())
    }

    #[test]
    fn debug_output_has_no_secret() {
        let request = request().bearer("secret-token").header("x", "secret-value").body("secret-body");
        assert_eq!(format!("{request:?}"), "Request(POST service.example)");
        assert!(!format!("{:?}", request.to_http().unwrap().headers()).contains("secret-token"));
    }

    #[test]
    fn invalid_header_is_an_error() {
        let invalid = Some(InvalidRequest::Header);
        assert_eq!(request().header("x", "a\nb").to_http().err(), invalid);
        assert_eq!(request().bearer("a\nb").to_http().err(), invalid);
        assert_eq!(request().header("x", "a\tb").to_http().err(), None);
    }

    #[test]
    fn header_replaces_one_with_the_same_name() {
        let request = request().header(USER_AGENT, "other").header("accept", "a/b");
        assert_eq!(
            (&request.headers()["user-agent"], &request.headers()["accept"]),
            (&"other".parse().unwrap(), &"a/b".parse().unwrap())
        );
        assert_eq!(request.headers().len(), 2);
    }
}
