//! Client of the harness's control API: its journal of requests, and faults.

use std::collections::BTreeMap;

use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Address, ApiError, fetch, send};

/// Client of a harness.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    http: reqwest::Client,
    url: Address,
}

/// A request that the harness received. Secrets are masked.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) number: usize,
    /// Instant in epoch ms.
    at: i64,
    /// The part of the harness: `endpoint`, `iam` or `services`.
    pub(crate) to: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// `None` if the connection was cut or there is no response yet.
    pub(crate) status: Option<u16>,
    pub(crate) millis: Option<u64>,
    pub(crate) request: Message,
    pub(crate) response: Option<Message>,
}

/// Headers and body of a request or response.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) headers: BTreeMap<String, String>,
    /// The stored part of the body.
    pub(crate) body: String,
    /// The length of the whole body.
    pub(crate) body_bytes: usize,
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

/// Conditions on requests: names of query parameters, and values.
pub(crate) type RequestFilter<'a> = [(&'static str, &'a str)];

/// An emulated service.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
}

impl Control {
    pub(super) const fn new(http: reqwest::Client, url: Address) -> Self {
        Self { http, url }
    }

    /// The newest `last` requests that meet the conditions, without the newest `skip`, oldest
    /// first.
    pub(crate) async fn requests(
        &self,
        filter: &RequestFilter<'_>,
        last: usize,
        skip: usize,
    ) -> Result<Vec<Exchange>, ApiError> {
        let part = [("last", last.to_string()), ("skip", skip.to_string())];
        let part = part.iter().map(|(name, value)| (*name, value.as_str()));
        let query = query(filter.iter().copied().chain(part));
        fetch(self.request(Method::GET, &format!("/requests?{query}"))).await
    }

    /// The number of requests that meet the conditions.
    pub(crate) async fn count_requests(&self, filter: &RequestFilter<'_>) -> Result<usize, ApiError> {
        let query = query(filter.iter().copied());
        let counted: Count = fetch(self.request(Method::GET, &format!("/requests/count?{query}"))).await?;
        Ok(counted.count)
    }

    /// The request with this number; `None` if it is not stored, or no longer.
    pub(crate) async fn find_request(&self, number: usize) -> Result<Option<Exchange>, ApiError> {
        match fetch(self.request(Method::GET, &format!("/requests/{number}"))).await {
            Err(ApiError::Rejected(response)) if response.status == StatusCode::NOT_FOUND => Ok(None),
            other => other.map(Some),
        }
    }

    /// The emulated services.
    pub(crate) async fn services(&self) -> Result<Vec<Service>, ApiError> {
        fetch(self.request(Method::GET, "/services")).await
    }

    /// Sets the behaviour of a service for the next callbacks, or for all.
    pub(crate) async fn behave(
        &self,
        service: &str,
        behaviour: Value,
        times: Option<usize>,
    ) -> Result<(), ApiError> {
        let service: String = form_urlencoded::byte_serialize(service.as_bytes()).collect();
        let body = json!({"behaviour": behaviour, "times": times});
        self.change(Method::PUT, &format!("/services/{service}/behaviour"), &body).await
    }

    /// Sets the health of IAM: `up`, `down` or `{"slow": …}`.
    pub(crate) async fn set_iam_health(&self, health: Value) -> Result<(), ApiError> {
        self.change(Method::PUT, "/iam/health", &json!({"health": health})).await
    }

    /// Injects a fault into a function's next calls to DynamoDB, or into all.
    pub(crate) async fn inject(
        &self,
        function: &str,
        fault: Value,
        times: Option<usize>,
    ) -> Result<(), ApiError> {
        let body = json!({"function": function, "fault": fault, "times": times});
        self.change(Method::POST, "/dynamodb/faults", &body).await
    }

    /// Clears the faults of DynamoDB.
    pub(crate) async fn clear_faults(&self) -> Result<(), ApiError> {
        send(self.request(Method::DELETE, "/dynamodb/faults")).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/_harness{path}", self.url))
    }

    async fn change(&self, method: Method, path: &str, body: &Value) -> Result<(), ApiError> {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        send(request.body(body.to_string())).await.map(drop)
    }
}

impl Exchange {
    /// Instant of the request.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at).unwrap_or(Timestamp::MIN)
    }
}

impl Message {
    /// The value of a header; the name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

fn query<'a>(pairs: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
