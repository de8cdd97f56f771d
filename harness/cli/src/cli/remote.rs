//! A running harness, over its control API.

use std::{fmt, time::Duration};

use http::{Method, StatusCode};
use keysync_emulator_support::reason;
use keysync_testkit::{Info, VERSION_HEADER, path};
use reqwest::{Response, redirect::Policy};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

/// Default address of `harness up`.
pub(super) const DEFAULT: &str = "http://127.0.0.1:8080";
/// Environment variable with the address of the harness.
pub(super) const VARIABLE: &str = "KEYSYNC_HARNESS";

/// Timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for a response: a run of `redeliver` takes minutes.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(15);

/// Address of a running harness, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    url: String,
    origin: Origin,
}

/// Where an address was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Flag,
    Environment,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("from --harness"),
            Self::Environment => write!(f, "from {VARIABLE}"),
            Self::Default => write!(f, "the default; neither --harness nor {VARIABLE} is set"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.url, self.origin)
    }
}

impl Address {
    /// Parses an address. The error names the problem without repeating a password in the URL.
    pub(super) fn parse(text: &str, origin: Origin) -> Result<Self, String> {
        let invalid = |why: &str| format!("the harness's address ({origin}) {why}, such as {DEFAULT}");
        let url: Url = text.parse().map_err(|_| invalid("must be a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(invalid("must be a URL that begins with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must be a URL without a user name and a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("must be a URL without a query and a fragment"));
        }
        // `harness up` also prints the address of the control API; accept it, too.
        let url = url.as_str().trim_end_matches('/').trim_end_matches("/_harness").trim_end_matches('/');
        Ok(Self { url: url.to_owned(), origin })
    }
}

/// Client of a running harness.
pub(super) struct Remote {
    http: reqwest::Client,
    address: Address,
}

/// Failure of a request to a running harness.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// No connection, or it was lost.
    #[error(
        "no harness responds at {address}: {error}; start one with `harness up`, or set its address with --harness or \
         KEYSYNC_HARNESS"
    )]
    Unreachable { address: String, error: String },
    /// The response is not that of a harness of this version.
    #[error(
        "the server at {address} is not a harness of this version: {got}; set the harness's address with --harness or \
         KEYSYNC_HARNESS"
    )]
    NotHarness { address: String, got: String },
    /// The harness rejected the request.
    #[error("{message} (the harness at {address})")]
    Rejected { address: String, message: String },
    /// The HTTP client could not be created.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// Result of a sync.
pub(super) struct SyncResult {
    pub(super) status: StatusCode,
    /// The error document; null for a 204.
    pub(super) response: Value,
    /// Delivery status of the key's last notification per service, or why it is unknown.
    pub(super) notifications: Result<Value, String>,
}

impl Remote {
    pub(super) fn new(address: Address) -> Result<Self, RemoteError> {
        Self::with_timeout(address, RESPONSE_TIMEOUT)
    }

    /// A client with another timeout for a response.
    pub(super) fn with_timeout(address: Address, timeout: Duration) -> Result<Self, RemoteError> {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none());
        Ok(Self { http: http.connect_timeout(CONNECT_TIMEOUT).timeout(timeout).build()?, address })
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, RemoteError> {
        self.find(path, &[]).await
    }

    /// Reads with query parameters.
    pub(super) async fn find(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, RemoteError> {
        self.control(Method::GET, path, query, None).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::POST, path, &[], Some(body)).await
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::PUT, path, &[], Some(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), RemoteError> {
        self.control(Method::DELETE, path, &[], None).await.map(drop)
    }

    /// Synchronizes a key through the public API, with the role Manager.
    pub(super) async fn sync(&self, key: &str) -> Result<SyncResult, RemoteError> {
        let info: Info = serde_json::from_value(self.get(&[]).await?)
            .map_err(|error| self.not_harness(format!("invalid response to GET /_harness: {error}")))?;
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", &info.api_key)];
        let log_in = self.http.post(format!("{}/identity/token", info.iam)).form(&form);
        let (status, token) = read(log_in)
            .await
            .map_err(|error| self.rejected(format!("IAM at {} does not respond: {error}", info.iam)))?;
        let token = token["access_token"].as_str().ok_or_else(|| {
            self.rejected(format!("IAM issued no token: {status}; PUT /_harness/iam/health restores it"))
        })?;
        let call = |method, path: &[&str]| {
            let request = self.http.request(method, self.url(&[&["api", "v2", "keys", key], path].concat()));
            request.bearer_auth(token).header("bluemix-instance", &info.instance_id)
        };
        let sync = call(Method::POST, &["actions", "sync"]);
        let (status, response) = read(sync).await.map_err(|error| self.unreachable(error))?;
        let notifications = match read(call(Method::GET, &["notifications"])).await {
            Ok((StatusCode::OK, notifications)) if notifications["resources"].is_array() => {
                Ok(notifications["resources"].clone())
            }
            Ok((status, _)) => Err(status.to_string()),
            Err(error) => Err(error),
        };
        Ok(SyncResult { status, response, notifications })
    }

    /// The error for a successful response without the fields that a harness of this version sends.
    pub(super) fn unexpected(&self, response: &Value) -> RemoteError {
        // Bounded: the body is untrusted.
        let got: String = response.to_string().chars().take(200).collect();
        self.not_harness(format!("unexpected response {got}"))
    }

    async fn control(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, RemoteError> {
        let mut url = self.url(&[&["_harness"], path].concat());
        if !query.is_empty() {
            let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            url.extend(["?", &pairs]);
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(reason(error)))?;
        let (status, is_harness) = (response.status(), response.headers().contains_key(VERSION_HEADER));
        // The guard of each port denies requests before the control API receives them.
        if !is_harness && status != StatusCode::FORBIDDEN {
            return Err(self.not_harness(describe(&response)));
        }
        let description = describe(&response);
        let body = response.bytes().await.map_err(|error| self.unreachable(reason(error)))?;
        let response: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(response);
        }
        match response["error"].as_str() {
            Some(error) => Err(self.rejected(error.to_owned())),
            None if is_harness => Err(self.rejected(status.to_string())),
            None => Err(self.not_harness(description)),
        }
    }

    /// The URL of a path; each segment is percent-encoded.
    fn url(&self, path: &[&str]) -> String {
        let segments = path.iter().map(|segment| format!("/{}", path::segment(segment)));
        self.address.url.clone() + &segments.collect::<String>()
    }

    fn unreachable(&self, error: String) -> RemoteError {
        RemoteError::Unreachable { address: self.address.to_string(), error }
    }

    fn not_harness(&self, got: String) -> RemoteError {
        RemoteError::NotHarness { address: self.address.to_string(), got }
    }

    fn rejected(&self, message: String) -> RemoteError {
        RemoteError::Rejected { address: self.address.to_string(), message }
    }
}

/// Sends a request; returns the status and the JSON body, or null.
async fn read(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), String> {
    let response = request.send().await.map_err(reason)?;
    let status = response.status();
    let body = response.bytes().await.map_err(reason)?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(json!(null))))
}

/// Describes a response of a server that is not a harness.
fn describe(response: &Response) -> String {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    format!("status {} with {}", response.status(), kind.unwrap_or("no content type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_address_is_rejected_without_its_password() {
        for text in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/_harness/"] {
            assert_eq!(Address::parse(text, Origin::Flag).unwrap().url, DEFAULT, "{text}");
        }
        for text in
            ["", "127.0.0.1:8080", "localhost:8080", "ftp://h", "http://", "http://me:geheim@h", "http://h?q"]
        {
            let error = Address::parse(text, Origin::Environment).unwrap_err();
            assert!(error.contains("from KEYSYNC_HARNESS") && error.contains(DEFAULT), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
