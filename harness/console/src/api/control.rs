//! Client of the harness's control API: its journal of requests, and faults.

use http::{Method, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Address, ApiError, fetch, send};

/// Client of a harness.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    http: reqwest::Client,
    url: Address,
}

/// A request that the harness received.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Exchange {
    /// Instant in epoch ms.
    at: i64,
    /// The part of the harness: `endpoint`, `iam` or `services`.
    pub(crate) to: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// `None` if the connection was cut or there is no response yet.
    pub(crate) status: Option<u16>,
    pub(crate) millis: Option<u64>,
}

/// An emulated service.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
}

impl Control {
    pub(super) const fn new(http: reqwest::Client, url: Address) -> Self {
        Self { http, url }
    }

    /// The requests that endpoint, IAM and services received, oldest first.
    pub(crate) async fn requests(&self) -> Result<Vec<Exchange>, ApiError> {
        fetch(self.request(Method::GET, "/requests")).await
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
        let service: String = url::form_urlencoded::byte_serialize(service.as_bytes()).collect();
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
