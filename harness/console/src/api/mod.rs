//! Client of the API, for any endpoint that implements it.
//!
//! IAM issues a token for an API key, the resource controller lists instances, and the endpoint of
//! an instance has keys, registrations and `actions/sync`. Two calls are additions of the harness:
//! the delivery status of the last notification, and the history of a key. If an endpoint does not
//! have them, they return `None`.

mod address;
mod control;
mod error;
mod events;
mod instances;
mod keys;
mod notifications;
mod registrations;
mod token;

use std::time::Duration;

use http::{HeaderName, Method, StatusCode, header};
use reqwest::{RequestBuilder, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

pub use address::{Address, Addresses, InvalidAddress};
pub(crate) use control::{Control, Exchange, Message, Service};
pub(crate) use error::{ApiError, ErrorResponse};
pub(crate) use events::Event;
pub(crate) use instances::Instance;
pub(crate) use keys::{Action, Key, KeyPage, KeyQuery, KeyState, NewKey};
pub(crate) use notifications::{LastNotification, Notification, NotificationStatus};
pub(crate) use registrations::{Registration, Registrations};
pub(crate) use token::AccessToken;

const INSTANCE: HeaderName = HeaderName::from_static("bluemix-instance");
const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// Timeout of a call: longer than the function's time budget of 25 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum size of a response in bytes: several times a list of 5,000 registrations.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

/// Client of IAM and the resource controller; clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    addresses: Addresses,
}

/// Client of one instance with the token of a user.
#[derive(Clone, Debug)]
pub(crate) struct InstanceApi {
    http: reqwest::Client,
    url: String,
    instance: Uuid,
    token: AccessToken,
}

/// Envelope of a list.
#[derive(Deserialize)]
struct Collection<T> {
    metadata: Metadata,
    resources: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    total_count: Option<usize>,
}

impl Api {
    pub(crate) fn new(addresses: Addresses) -> Result<Self, reqwest::Error> {
        let mut http = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none());
        if addresses.are_local() {
            http = http.no_proxy();
        }
        Ok(Self { http: http.build()?, addresses })
    }

    /// The client of the harness at `url`.
    pub(crate) fn control(&self, url: Address) -> Control {
        Control::new(self.http.clone(), url)
    }

    /// The client of `instance` with `token`.
    pub(crate) fn instance(&self, instance: &Instance, token: &AccessToken) -> InstanceApi {
        InstanceApi {
            http: self.http.clone(),
            url: self.addresses.endpoint(instance),
            instance: instance.id,
            token: token.clone(),
        }
    }
}

impl InstanceApi {
    fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = format!("{}/api/v2{path}", self.url);
        if !query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            url = format!("{url}?{query}");
        }
        self.http
            .request(method, url)
            .bearer_auth(self.token.secret())
            .header(INSTANCE, self.instance.to_string())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, ApiError> {
        fetch(self.request(Method::GET, path, query)).await
    }

    /// The response of a call that is an addition to the API; `None` if the endpoint does not have
    /// it.
    async fn addition<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Option<T>, ApiError> {
        match self.get(path, query).await {
            Err(ApiError::Rejected(response))
                if matches!(response.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// Sends a request and parses its response.
async fn fetch<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    let body = body(send(request).await?).await?;
    serde_json::from_slice(&body).map_err(ApiError::Unreadable)
}

/// Sends a request; an error response is an error.
async fn send(request: RequestBuilder) -> Result<reqwest::Response, ApiError> {
    let response = request.header(header::ACCEPT, "application/json").send().await;
    let response = response.map_err(ApiError::unreachable)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let body = body(response).await.unwrap_or_default();
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    Err(ApiError::rejected(status, &headers, &document))
}

/// The body of a response, up to [`MAX_RESPONSE`] bytes.
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ApiError::unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_RESPONSE {
            return Err(ApiError::unreadable("the response is too large"));
        }
    }
    Ok(body)
}
