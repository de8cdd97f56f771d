//! A running harness, over its control API.

use http::{Method, StatusCode};
use keysync_harness::Info;
use serde_json::{Value, json};

/// A running harness.
pub(super) struct Remote {
    http: reqwest::Client,
    url: String,
}

/// A running harness did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// It could not be reached, or broke off.
    #[error(
        "no harness answers at {url}: {error}; start one with `harness up`, or name its address with --harness or \
         KEYSYNC_HARNESS"
    )]
    Unreachable { url: String, error: String },
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It could not be asked.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// What came of a sync.
pub(super) struct Synced {
    pub(super) status: StatusCode,
    /// The error document; null for a 204.
    pub(super) answer: Value,
    /// What became of the key's last notification, service by service.
    pub(super) notifications: Value,
}

impl Remote {
    pub(super) fn new(url: &str) -> Result<Self, RemoteError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        self.control(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::POST, path, Some(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::PUT, path, Some(body)).await
    }

    /// Synchronizes a key, as the Manager, by the real API.
    pub(super) async fn sync(&self, key: &str) -> Result<Synced, RemoteError> {
        let info: Info = serde_json::from_value(self.get("").await?).map_err(|error| {
            RemoteError::Refused(format!("{} is no harness of this version: {error}", self.url))
        })?;
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", &info.api_key)];
        let log_in = self.http.post(format!("{}/identity/token", info.iam)).form(&form);
        let (status, token) = self.send(log_in).await?;
        let token = token["access_token"].as_str().ok_or_else(|| {
            RemoteError::Refused(format!(
                "IAM gives no token: {status}; PUT /_harness/iam/health tells it to be up"
            ))
        })?;
        let call = |method, path: &str| {
            let request = self.http.request(method, format!("{}/api/v2/keys/{key}/{path}", self.url));
            request.bearer_auth(token).header("bluemix-instance", &info.instance_id)
        };
        let (status, answer) = self.send(call(Method::POST, "actions/sync")).await?;
        let (_, notifications) = self.send(call(Method::GET, "notifications")).await?;
        Ok(Synced { status, answer, notifications: notifications["resources"].clone() })
    }

    async fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, RemoteError> {
        let mut request = self.http.request(method, format!("{}/_harness{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, answer) = self.send(request).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let why = answer["error"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(RemoteError::Refused(why))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), RemoteError> {
        let unreachable = |error: reqwest::Error| RemoteError::Unreachable {
            url: self.url.clone(),
            error: keysync::outbound::reason(error),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(json!(null))))
    }
}
