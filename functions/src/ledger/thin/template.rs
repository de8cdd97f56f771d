//! The template: what the requests of the thin client have in common with a request of the SDK.
//!
//! The SDK builds and signs an `UpdateItem`, and an interceptor keeps it from being sent. So the
//! template has the endpoint, region, connection pool and corrected time that the SDK's own request
//! would have, wherever they were configured. Credentials come from the SDK's cache for each
//! request.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Credentials, Intercept, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef,
    },
};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector},
        identity::{IdentityCacheLocation, ResolveCachedIdentity, ResolveIdentity, SharedIdentityResolver},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::GetIdentityResolver,
    },
};
use aws_smithy_types::body::SdkBody;
use http::{HeaderValue, Method, Uri, header};
use jiff::{SignedDuration, Timestamp};

use super::signature::{AMZ_DATE, CONTENT_TYPE, Scope, Signer, TARGET, ToSign, UPDATE_ITEM, parse_amz_date};
use crate::ledger::{expression::string, item::KEY_ITEM};

/// The authentication scheme of DynamoDB.
const SIGV4: &str = "sigv4";
/// A smaller difference from the SDK's time is a rounding error: signatures have whole seconds.
const MIN_SKEW: SignedDuration = SignedDuration::from_secs(2);
/// The header with the session token.
const SECURITY_TOKEN: &str = "x-amz-security-token";

pub(super) struct Template {
    uri: Uri,
    signer: Signer,
    time: SharedTimeSource,
    /// The correction of this machine's time.
    skew: SignedDuration,
    connector: SharedHttpConnector,
    components: RuntimeComponents,
    identity: SharedIdentityResolver,
    settings: ConfigBag,
}

impl Template {
    /// A template for requests of `sdk` about `table`. `None` if the SDK cannot make such a
    /// request, for example without credentials, or if it is unlike those that the thin client can
    /// make.
    pub(super) async fn make(sdk: &Client, table: &str) -> Option<Self> {
        let capture = Capture::default();
        let request =
            sdk.update_item().table_name(table).key("pk", string(KEY_ITEM)).key("sk", string(KEY_ITEM));
        // Always an error: the request is not sent. The cause does not matter here, because the SDK
        // meets it again with the request that follows.
        let _ = request.customize().interceptor(capture.clone()).send().await;
        let mut captured = capture.0.lock().unwrap_or_else(PoisonError::into_inner);
        captured.take()
    }

    /// The template of this signed request.
    fn of(request: &HttpRequest, components: &RuntimeComponents) -> Option<Self> {
        let header = |name: &str| request.headers().get(name);
        let uri: Uri = request.uri().parse().ok()?;
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") || header(TARGET)? != UPDATE_ITEM {
            return None;
        }
        let scope = Scope::parse(header(header::AUTHORIZATION.as_str())?)?;
        let time = components.time_source()?;
        let skew = parse_amz_date(header(AMZ_DATE)?)?.duration_since(time.now().try_into().ok()?);
        let identity = components.identity_resolver(SIGV4.into())?;
        if !matches!(identity.cache_location(), IdentityCacheLocation::RuntimeComponents) {
            return None;
        }
        Some(Self {
            signer: Signer::new(host(&uri)?, scope),
            uri,
            time,
            skew: if skew.abs() < MIN_SKEW { SignedDuration::ZERO } else { skew },
            connector: components
                .http_client()?
                .http_connector(&HttpConnectorSettings::builder().build(), components),
            components: components.clone(),
            identity,
            settings: ConfigBag::base(),
        })
    }

    /// The signed request with this body. `None` if there are no credentials.
    pub(super) async fn request(&self, body: Vec<u8>) -> Option<HttpRequest> {
        let cache = self.components.identity_cache();
        let identity = cache
            .resolve_cached_identity(self.identity.clone(), &self.components, &self.settings)
            .await
            .ok()?;
        let credentials = identity.data::<Credentials>()?;
        let now = Timestamp::try_from(self.time.now()).ok()?.checked_add(self.skew).ok()?.try_into().ok()?;
        let signed = self.signer.sign(&ToSign { credentials, now, body: &body })?;

        let secret = |value: &str| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let mut request = http::Request::new(SdkBody::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(self.signer.host()).ok()?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(TARGET, HeaderValue::from_static(UPDATE_ITEM));
        headers.insert(AMZ_DATE, HeaderValue::from_str(&signed.date).ok()?);
        headers.insert(header::AUTHORIZATION, secret(&signed.authorization)?);
        if let Some(token) = credentials.session_token() {
            headers.insert(SECURITY_TOKEN, secret(token)?);
        }
        request.try_into().ok()
    }

    /// Sends a request over the SDK's connection pool.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.connector.call(request).await
    }
}

/// The `host` header of a URI: with its port, unless that is the default one.
fn host(uri: &Uri) -> Option<String> {
    let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let host = uri.host()?;
    Some(match uri.port_u16().filter(|port| *port != default) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Makes a template of the request, and keeps it from being sent.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Option<Template>>>);

impl std::fmt::Debug for Capture {
    /// A template has credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Capture")
    }
}

impl Intercept for Capture {
    fn name(&self) -> &'static str {
        "template of the thin client"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Template::of(context.request(), components);
        Err("the request is a template and is not sent".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_port_is_left_out_of_host() {
        for (uri, expected) in [
            ("https://dynamodb.us-east-1.amazonaws.com/", "dynamodb.us-east-1.amazonaws.com"),
            ("https://a.example:443/", "a.example"),
            ("https://a.example:80/", "a.example:80"),
            ("http://a.example:80/", "a.example"),
            ("http://a.example:443/", "a.example:443"),
        ] {
            assert_eq!(host(&uri.parse().unwrap()).as_deref(), Some(expected), "{uri}");
        }
    }
}
