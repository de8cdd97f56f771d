//! A proxy in front of DynamoDB that counts every call, and can make the wire fail in ways that
//! engines never do: an answer lost after the write was applied is the fault that matters most.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine applies it, and the connection is cut before the answer.
    LoseAnswer,
    /// The connection is cut before it reaches the engine.
    Cut,
    /// It goes through, this much later.
    Delay(Duration),
    /// Answered with `ProvisionedThroughputExceededException`; it does not reach the engine.
    Throttle,
    /// Answered with 500; it does not reach the engine.
    Fail,
    /// The engine applies it, and the answer is 500.
    FailAfter,
}

/// How often it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// For this many calls.
    Next(usize),
    /// Until [`Proxy::heal`].
    Always,
}

/// A call that came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `UpdateItem`.
    pub operation: String,
    /// The request's body.
    pub request: String,
    /// What went wrong with it on purpose.
    pub fault: Option<Fault>,
}

/// The proxy. Dropping it ends it and cuts its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    engine: String,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    plan: Vec<Rule>,
}

struct Rule {
    fault: Fault,
    times: Times,
    operation: Option<String>,
}

impl Proxy {
    /// A proxy in front of the engine at `url`.
    pub(super) async fn start(url: &str) -> Result<Self, super::DynamoError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let shared = Arc::new(Shared { engine: url.to_owned(), http, state: Mutex::default() });
        let task = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Ok(Self { address, shared, task })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes calls fail.
    pub fn inject(&self, fault: Fault, times: Times) {
        self.shared.state().plan.push(Rule { fault, times, operation: None });
    }

    /// Makes calls of one operation fail, such as `UpdateItem`.
    pub fn inject_on(&self, operation: &str, fault: Fault, times: Times) {
        let operation = Some(operation.to_owned());
        self.shared.state().plan.push(Rule { fault, times, operation });
    }

    /// No call fails from now on.
    pub fn heal(&self) {
        self.shared.state().plan.clear();
    }

    /// The calls that came since the start, or since they were last taken.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The calls that came, which are forgotten here.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.state().calls)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} → {})", self.url(), self.shared.engine)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// The fault that is next for `operation`, counted down.
    fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let concerns = |rule: &Rule| rule.operation.as_deref().is_none_or(|only| only == operation);
        let index = self.plan.iter().position(concerns)?;
        let rule = &mut self.plan[index];
        let fault = rule.fault;
        if let Times::Next(left) = &mut rule.times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.plan.remove(index);
            }
        }
        Some(fault)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call down and tells what is to go wrong with it.
    fn journal(&self, headers: &HeaderMap, request: &[u8]) -> Option<Fault> {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut state = self.state();
        let fault = state.next_fault(&operation);
        state.calls.push(Call { operation, request: String::from_utf8_lossy(request).into_owned(), fault });
        fault
    }

    async fn forward(&self, headers: HeaderMap, body: Bytes) -> Result<Response<Full<Bytes>>, Severed> {
        let mut request = self.http.post(format!("{}/", self.engine)).body(body);
        // The host is the engine's own, and the length that of the body.
        for (name, value) in
            headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"))
        {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|_| Severed)?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(http::header::TRANSFER_ENCODING);
        let mut response = Response::new(Full::new(answer.bytes().await.map_err(|_| Severed)?));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The connection is to be cut: hyper closes one whose service fails, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose, or the engine is gone")]
struct Severed;

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Owned here, so that connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, shared.clone())); }
                Err(_) => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| handle(request, shared.clone()));
    // A cut connection is an error to hyper, and what was asked for here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Severed> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Severed)?.to_bytes();
    match shared.journal(&parts.headers, &body) {
        None => shared.forward(parts.headers, body).await,
        Some(Fault::Delay(by)) => {
            tokio::time::sleep(by).await;
            shared.forward(parts.headers, body).await
        }
        Some(Fault::Cut) => Err(Severed),
        Some(Fault::LoseAnswer) => {
            shared.forward(parts.headers, body).await?;
            Err(Severed)
        }
        Some(Fault::Throttle) => Ok(throttled()),
        Some(Fault::Fail) => Ok(failed()),
        Some(Fault::FailAfter) => {
            shared.forward(parts.headers, body).await?;
            Ok(failed())
        }
    }
}

fn throttled() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException", "throttled on purpose")
}

fn failed() -> Response<Full<Bytes>> {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "failed on purpose")
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"),
        "message": message,
    });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::AttributeValue};

    use super::*;
    use crate::dynamo::{Dynamo, Engine, TABLE, client};

    async fn put(dynamo: &Dynamo, pk: &str) -> Result<(), String> {
        client(&dynamo.proxy().url())
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(pk.to_owned()))
            .item("sk", AttributeValue::S("x".to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .map(drop)
            .map_err(|error| error.code().unwrap_or("no answer").to_owned())
    }

    async fn dynamo() -> Dynamo {
        Dynamo::start(Engine::Memory, TABLE).await.unwrap()
    }

    #[tokio::test]
    async fn calls_are_counted_by_operation() {
        let dynamo = dynamo().await;
        put(&dynamo, "a").await.unwrap();
        let calls = dynamo.proxy().take_calls();
        assert_eq!(calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["PutItem"]);
        assert!(dynamo.proxy().calls().is_empty());
    }

    #[tokio::test]
    async fn a_lost_answer_was_applied_and_the_retry_finds_it() {
        let dynamo = dynamo().await;
        dynamo.proxy().inject(Fault::LoseAnswer, Times::Next(1));
        assert_eq!(put(&dynamo, "a").await, Err("ConditionalCheckFailedException".to_owned()));
        assert_eq!(dynamo.proxy().calls().len(), 2);
    }

    #[tokio::test]
    async fn a_cut_call_was_not_applied() {
        let dynamo = dynamo().await;
        dynamo.proxy().inject(Fault::Cut, Times::Next(1));
        assert_eq!(put(&dynamo, "a").await, Ok(()));
        assert_eq!(dynamo.proxy().calls().len(), 2);
    }

    #[tokio::test]
    async fn throttling_and_failing_last_until_healed() {
        let dynamo = dynamo().await;
        for (fault, code) in [
            (Fault::Throttle, "ProvisionedThroughputExceededException"),
            (Fault::Fail, "InternalServerError"),
        ] {
            dynamo.proxy().inject_on("PutItem", fault, Times::Always);
            assert_eq!(put(&dynamo, "a").await, Err(code.to_owned()));
            dynamo.proxy().heal();
        }
        assert_eq!(put(&dynamo, "a").await, Ok(()));
    }

    #[tokio::test]
    async fn a_failure_after_the_write_was_applied() {
        let dynamo = dynamo().await;
        dynamo.proxy().inject(Fault::FailAfter, Times::Next(1));
        assert_eq!(put(&dynamo, "a").await, Err("ConditionalCheckFailedException".to_owned()));
    }
}
