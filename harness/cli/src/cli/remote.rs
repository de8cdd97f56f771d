//! A running harness, over its control API.

use std::{fmt, time::Duration};

use http::{Method, StatusCode};
use keysync_testkit::{Info, VERSION_HEADER, path};
use reqwest::{Response, redirect::Policy};
use serde_json::{Value, json};
use url::Url;

/// Where `harness up` listens unless told otherwise.
pub(super) const DEFAULT: &str = "http://127.0.0.1:8080";
/// The variable that names another address.
pub(super) const VARIABLE: &str = "KEYSYNC_HARNESS";

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a response may take: a run of `redeliver` has minutes.
const RESPOND: Duration = Duration::from_mins(15);

/// The address of a running harness, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    url: String,
    origin: Origin,
}

/// Where an address comes from.
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
            Self::Default => write!(f, "the default, as neither --harness nor {VARIABLE} is set"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.url, self.origin)
    }
}

impl Address {
    /// Reads an address. The message names what is invalid, and never a password in it.
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
        // The control API's own address, which `harness up` prints, too, is as good.
        let url = url.as_str().trim_end_matches('/').trim_end_matches("/_harness").trim_end_matches('/');
        Ok(Self { url: url.to_owned(), origin })
    }
}

/// A running harness.
pub(super) struct Remote {
    http: reqwest::Client,
    address: Address,
}

/// A running harness did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// It could not be reached, or the connection was lost.
    #[error(
        "no harness answers at {address}: {error}; start one with `harness up`, or name its address with --harness or \
         KEYSYNC_HARNESS"
    )]
    Unreachable { address: String, error: String },
    /// Another server is there.
    #[error(
        "what answers at {address} is no harness of this version: {got}; name the harness's address with --harness or \
         KEYSYNC_HARNESS"
    )]
    NoHarness { address: String, got: String },
    /// It rejected the request.
    #[error("{message} (the harness at {address})")]
    Rejected { address: String, message: String },
    /// It could not be asked.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// What came of a sync.
pub(super) struct Synced {
    pub(super) status: StatusCode,
    /// The error document; null for a 204.
    pub(super) answer: Value,
    /// What became of the key's last notification, service by service; why that is unknown, where it is.
    pub(super) notifications: Result<Value, String>,
}

impl Remote {
    pub(super) fn new(address: Address) -> Result<Self, RemoteError> {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none());
        Ok(Self { http: http.connect_timeout(CONNECT).timeout(RESPOND).build()?, address })
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, RemoteError> {
        self.control(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::POST, path, Some(body)).await
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value) -> Result<Value, RemoteError> {
        self.control(Method::PUT, path, Some(body)).await
    }

    /// Synchronizes a key, as the Manager, by the real API.
    pub(super) async fn sync(&self, key: &str) -> Result<Synced, RemoteError> {
        let info: Info = serde_json::from_value(self.get(&[]).await?)
            .map_err(|error| self.no_harness(format!("its description lacks something: {error}")))?;
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", &info.api_key)];
        let log_in = self.http.post(format!("{}/identity/token", info.iam)).form(&form);
        let (status, token) = read(log_in)
            .await
            .map_err(|error| self.rejected(format!("IAM at {} does not answer: {error}", info.iam)))?;
        let token = token["access_token"].as_str().ok_or_else(|| {
            self.rejected(format!("IAM gives no token: {status}; PUT /_harness/iam/health tells it to be up"))
        })?;
        let call = |method, path: &[&str]| {
            let request = self.http.request(method, self.url(&[&["api", "v2", "keys", key], path].concat()));
            request.bearer_auth(token).header("bluemix-instance", &info.instance_id)
        };
        let sync = call(Method::POST, &["actions", "sync"]);
        let (status, answer) = read(sync).await.map_err(|error| self.unreachable(error))?;
        let notifications = match read(call(Method::GET, &["notifications"])).await {
            Ok((StatusCode::OK, notifications)) if notifications["resources"].is_array() => {
                Ok(notifications["resources"].clone())
            }
            Ok((status, _)) => Err(status.to_string()),
            Err(error) => Err(error),
        };
        Ok(Synced { status, answer, notifications })
    }

    /// What a response lacks that every harness of this version sends.
    pub(super) fn unexpected(&self, answer: &Value) -> RemoteError {
        // Bounded: it may be anything.
        let got: String = answer.to_string().chars().take(200).collect();
        self.no_harness(format!("it sends {got}"))
    }

    async fn control(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, RemoteError> {
        let mut request = self.http.request(method, self.url(&[&["_harness"], path].concat()));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer =
            request.send().await.map_err(|error| self.unreachable(keysync::http_client::reason(error)))?;
        let (status, is_harness) = (answer.status(), answer.headers().contains_key(VERSION_HEADER));
        // The guard of a harness's port denies requests before the control API sees them.
        if !is_harness && status != StatusCode::FORBIDDEN {
            return Err(self.no_harness(described(&answer)));
        }
        let what = described(&answer);
        let body =
            answer.bytes().await.map_err(|error| self.unreachable(keysync::http_client::reason(error)))?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        match answer["error"].as_str() {
            Some(error) => Err(self.rejected(error.to_owned())),
            None if is_harness => Err(self.rejected(status.to_string())),
            None => Err(self.no_harness(what)),
        }
    }

    /// Each part is one segment of the path, whatever it holds.
    fn url(&self, path: &[&str]) -> String {
        let segments = path.iter().map(|segment| format!("/{}", path::segment(segment)));
        self.address.url.clone() + &segments.collect::<String>()
    }

    fn unreachable(&self, error: String) -> RemoteError {
        RemoteError::Unreachable { address: self.address.to_string(), error }
    }

    fn no_harness(&self, got: String) -> RemoteError {
        RemoteError::NoHarness { address: self.address.to_string(), got }
    }

    fn rejected(&self, message: String) -> RemoteError {
        RemoteError::Rejected { address: self.address.to_string(), message }
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), String> {
    let answer = request.send().await.map_err(keysync::http_client::reason)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(keysync::http_client::reason)?;
    Ok((status, serde_json::from_slice(&body).unwrap_or(json!(null))))
}

/// A response of a server that is no harness.
fn described(answer: &Response) -> String {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    format!("it answers {} with {}", answer.status(), kind.unwrap_or("no content type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_rejected_without_their_password() {
        for text in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/_harness/"] {
            assert_eq!(Address::parse(text, Origin::Flag).unwrap().url, DEFAULT, "{text}");
        }
        for text in
            ["", "127.0.0.1:8080", "localhost:8080", "ftp://h", "http://", "http://me:geheim@h", "http://h?q"]
        {
            let said = Address::parse(text, Origin::Environment).unwrap_err();
            assert!(said.contains("from KEYSYNC_HARNESS") && said.contains(DEFAULT), "{said}");
            assert!(!said.contains("geheim"), "{said}");
        }
    }
}
