//! Client of the key-management API. Every request has a correlation id, which stays the same over
//! its attempts, so that the server recognizes them as one request.

mod args;
mod collection;
mod error_document;
mod retry;
mod token;

use std::time::Duration;

use http::{
    Method, StatusCode,
    header::{RETRY_AFTER, USER_AGENT},
};
use keysync::{
    Clock,
    delivery::parse_retry_after,
    domain::{CorrelationId, InstanceId, KeyRing},
    http_client::{HttpClient, Request},
};
use serde::de::DeserializeOwned;
use url::Url;

pub(crate) use args::EndpointArgs;
pub(crate) use collection::{InvalidRow, KeyRow, Paging, RegistrationRow};
pub(crate) use error_document::ErrorDocument;

use crate::{failure::Failure, values};
use retry::{Gate, RetryPolicy, is_temporary};
use token::Tokens;

/// The maximum size of a response, in bytes: a page of 5,000 keys with 256 aliases each would be
/// larger, real pages have 1 KB per key.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The client of one endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    http: HttpClient,
    base: Url,
    tokens: Tokens,
    policy: RetryPolicy,
    timeout: Duration,
    gate: Gate,
}

/// A request to the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// The path below `/api/v2`.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) instance: InstanceId,
    pub(crate) ring: Option<&'a KeyRing>,
    pub(crate) correlation_id: CorrelationId,
}

impl<'a> Call<'a> {
    /// A `GET` with a new correlation id.
    pub(crate) fn get(path: &'a [&'a str], instance: InstanceId) -> Self {
        let correlation_id = CorrelationId::random();
        Self { method: Method::GET, path, query: &[], instance, ring: None, correlation_id }
    }
}

/// The last response to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// The number of attempts, this one included.
    pub(crate) attempts: u32,
}

/// A request without a response.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No attempt got a response.
    NoResponse {
        /// The reason of the last attempt.
        reason: String,
        attempts: u32,
    },
    /// There is no token, so that no request can succeed.
    Stopped(Failure),
}

impl Endpoint {
    fn new(http: HttpClient, base: Url, tokens: Tokens, policy: RetryPolicy, timeout: Duration) -> Self {
        Self { http, base, tokens, policy, timeout, gate: Gate::default() }
    }

    /// Sends a request, and repeats it as the policy says. The result is the last response,
    /// whatever its status.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, CallError> {
        let (mut attempts, mut has_renewed_token) = (0, false);
        loop {
            attempts += 1;
            self.gate.pass().await;
            let token = self.tokens.get().await.map_err(CallError::Stopped)?;
            let is_last = attempts >= self.policy.attempts;
            let wait = match self.attempt(call, &token.text).await {
                Ok(reply) if reply.status == StatusCode::UNAUTHORIZED && !has_renewed_token => {
                    // The token may have expired early, for example while this machine slept.
                    self.tokens.discard(&token).await;
                    has_renewed_token = true;
                    continue;
                }
                Ok(reply) if is_last || !is_temporary(reply.status) => {
                    return Ok(Reply { attempts, ..reply });
                }
                Ok(reply) => {
                    let wait = self.policy.wait(attempts, reply.retry_after);
                    if reply.status == StatusCode::TOO_MANY_REQUESTS {
                        self.gate.close(wait).await;
                    }
                    wait
                }
                Err(reason) if is_last => return Err(CallError::NoResponse { reason, attempts }),
                Err(_) => self.policy.wait(attempts, None),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a `GET` and parses the response.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Failure> {
        let shown = format!("GET /api/v2/{}", call.path.join("/"));
        let reply = self.send(call).await.map_err(|error| error.into_failure(&shown))?;
        if reply.status != StatusCode::OK {
            let document = ErrorDocument::read(&reply.body);
            return Err(Failure::Stopped(format!("{shown}: {}{document}", reply.status)));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|error| Failure::Stopped(format!("{shown}: the response is invalid: {error}")))
    }

    async fn attempt(&self, call: &Call<'_>, token: &str) -> Result<Reply, String> {
        let mut url = values::join(&self.base, &[&["api", "v2"], call.path].concat());
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = request(call.method.clone(), &url)
            .bearer(token)
            .header("bluemix-instance", call.instance.to_string())
            .header("correlation-id", call.correlation_id.to_string());
        if let Some(ring) = call.ring {
            request = request.header("x-kms-key-ring", ring.to_string());
        }
        let exchange = self.http.fetch_once(request, self.timeout, MAX_BYTES).await;
        let (response, body) = exchange.map_err(|error| error.to_string())?;
        let retry_after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after =
            retry_after.and_then(|value| parse_retry_after(value, Clock::system().now().secs()));
        let body = body.ok_or_else(|| format!("the response has more than {MAX_BYTES} bytes"))?;
        Ok(Reply { status: response.status, retry_after, body, attempts: 0 })
    }
}

/// A request in the name of this command.
fn request(method: Method, url: &Url) -> Request {
    Request::new(method, url).header(USER_AGENT, concat!("keysyncctl/", env!("CARGO_PKG_VERSION")))
}

impl CallError {
    /// The failure of a command that cannot do without this response.
    pub(crate) fn into_failure(self, shown: &str) -> Failure {
        match self {
            Self::Stopped(failure) => failure,
            Self::NoResponse { reason, attempts } => {
                Failure::Stopped(format!("{shown}: no response in {attempts} attempts: {reason}"))
            }
        }
    }
}
