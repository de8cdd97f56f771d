//! The API, as any of its clients calls it: nothing here knows what answers.
//!
//! IAM gives a token for an API key, the resource controller lists instances, and each instance's endpoint has
//! keys, registrations and `actions/sync` (contract sections 1, 3 and 4). Two calls are additions of the harness:
//! what became of a key's last notification, and what happened to a key. Where an endpoint does not have
//! them, the answer is `None`.

mod address;
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

pub use address::{Address, Addresses, BadAddress};
pub(crate) use error::{ApiError, ErrorResponse};
pub(crate) use events::Event;
pub(crate) use instances::Instance;
pub(crate) use keys::{Action, Key, KeyPage, KeyQuery, KeyState};
pub(crate) use notifications::{Notification, Standing};
pub(crate) use registrations::{Registration, Registrations};
pub(crate) use token::AccessToken;

const INSTANCE: HeaderName = HeaderName::from_static("bluemix-instance");
const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");

/// How long an answer may take: longer than the function's own 25 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer may be, in bytes: several times a list of 5,000 registrations.
const LONGEST: usize = 16 * 1024 * 1024;

/// Where to call; clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    addresses: Addresses,
}

/// Somebody's calls to one instance.
#[derive(Clone, Debug)]
pub(crate) struct InstanceApi {
    http: reqwest::Client,
    url: String,
    instance: Uuid,
    token: AccessToken,
}

/// A list, as every list of the API comes.
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

    /// The calls to `instance` with `token`.
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
        answer(self.request(Method::GET, path, query)).await
    }

    /// What an addition to the API answers; `None` where there is no such call.
    async fn addition<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Option<T>, ApiError> {
        match self.get(path, query).await {
            Err(ApiError::Refused(refusal))
                if matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// Sends a request, and reads what is answered.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    let body = body(send(request).await?).await?;
    serde_json::from_slice(&body).map_err(ApiError::Unreadable)
}

/// Sends a request, and reads a refusal.
async fn send(request: RequestBuilder) -> Result<reqwest::Response, ApiError> {
    let answer = request.header(header::ACCEPT, "application/json").send().await;
    let answer = answer.map_err(ApiError::unreachable)?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = body(answer).await.unwrap_or_default();
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    Err(ApiError::refused(status, &headers, &document))
}

async fn body(mut answer: reqwest::Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ApiError::unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(ApiError::unreadable("it is too long"));
        }
    }
    Ok(body)
}
