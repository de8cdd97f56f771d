//! A proxy in front of DynamoDB that counts every call, and can make the wire fail in ways that
//! engines never do: an answer lost after the write was applied is the fault that matters most.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::{
    engine::LONGEST_REQUEST,
    fault::{Fault, Plan, Times},
};
use keysync_emulator_support::{
    assertion::wait,
    context::Context,
    journal::Journal,
    secret_scanner::Place,
    server::{Server, cut},
};

/// A call that came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `UpdateItem`.
    pub operation: String,
    /// The request's body.
    pub request: String,
    /// What went wrong with it on purpose.
    pub fault: Option<Fault>,
    /// How long the body of the engine's answer was, in bytes; 0 where there is none yet.
    pub answer_bytes: usize,
}

/// The proxy. Dropping it ends it and cuts its connections.
pub struct Proxy {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    engine: String,
    http: reqwest::Client,
    context: Context,
    log: Mutex<CallLog>,
    /// How many calls were held since the start.
    held: watch::Sender<usize>,
    /// Counts releases.
    releases: watch::Sender<usize>,
    /// How many calls are on their way now.
    underway: watch::Sender<usize>,
}

/// A call on its way, until this is dropped.
struct Underway(Arc<Shared>);

#[derive(Default)]
struct CallLog {
    calls: Vec<Call>,
    /// How many calls were taken from it before these.
    taken: usize,
    plan: Plan,
}

impl Proxy {
    /// A proxy in front of the engine at `url`.
    pub(super) async fn start(
        url: &str,
        http: &reqwest::Client,
        context: &Context,
    ) -> Result<Self, super::DynamoError> {
        let shared = Arc::new(Shared {
            engine: url.to_owned(),
            http: http.clone(),
            context: context.clone(),
            log: Mutex::default(),
            held: watch::Sender::default(),
            releases: watch::Sender::default(),
            underway: watch::Sender::default(),
        });
        let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(LONGEST_REQUEST));
        let router = router.with_state(shared.clone());
        Ok(Self { server: Server::start(router, &context.guard).await?, shared })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Makes calls fail.
    pub fn inject(&self, fault: Fault, times: Times) {
        self.shared.locked().plan.add(fault, times, None);
    }

    /// Makes calls of one operation fail, such as `UpdateItem`.
    pub fn inject_on(&self, operation: &str, fault: Fault, times: Times) {
        self.shared.locked().plan.add(fault, times, Some(operation.to_owned()));
    }

    /// Makes calls fail as `decide` says for each, by its operation.
    pub fn inject_with(&self, mut decide: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        self.shared.locked().plan.add_by(Box::new(move |operation, _| decide(operation)));
    }

    /// Makes calls fail as `decide` says for each, by its request's body.
    pub fn inject_with_request(&self, mut decide: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        self.shared.locked().plan.add_by(Box::new(move |_, request| decide(request)));
    }

    /// Waits until so many calls were held, counted from the start.
    ///
    /// # Panics
    ///
    /// If they were not within 30 s.
    pub async fn wait_until_held(&self, count: usize) {
        // The sender lives as long as this proxy, so the channel is never closed.
        let mut held = self.shared.held.subscribe();
        let expected = format!("{count} calls to DynamoDB held");
        wait(held.wait_for(|held| *held >= count), expected, || self.summary(), self.journal()).await.ok();
    }

    /// Lets go what is held.
    pub fn release(&self) {
        self.shared.releases.send_modify(|count| *count += 1);
    }

    /// Waits until no call is on its way, also none whose caller has gone.
    ///
    /// # Panics
    ///
    /// If one still is after 30 s.
    pub async fn wait_until_quiet(&self) {
        // The sender lives as long as this proxy, so the channel is never closed.
        let mut underway = self.shared.underway.subscribe();
        let expected = "no call to DynamoDB in progress";
        wait(underway.wait_for(|count| *count == 0), expected, || self.summary(), self.journal()).await.ok();
    }

    fn summary(&self) -> String {
        let (held, underway) = (*self.shared.held.borrow(), *self.shared.underway.borrow());
        let operations = self.calls().into_iter().map(|call| call.operation);
        format!("{held} held, {underway} in progress, of {:?}", operations.collect::<Vec<_>>())
    }

    fn journal(&self) -> &Journal {
        &self.shared.context.journal
    }

    /// No call fails from now on.
    pub fn clear_faults(&self) {
        self.shared.locked().plan = Plan::default();
    }

    /// The calls that came since the start, or since they were last taken.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.locked().calls.clone()
    }

    /// The calls that came, which are forgotten here.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        let mut journal = self.shared.locked();
        journal.taken += journal.calls.len();
        std::mem::take(&mut journal.calls)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} → {})", self.url(), self.shared.engine)
    }
}

impl Underway {
    fn new(shared: Arc<Shared>) -> Self {
        shared.underway.send_modify(|count| *count += 1);
        Self(shared)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.underway.send_modify(|count| *count -= 1);
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, CallLog> {
        self.log.lock()
    }

    async fn hold(&self) {
        let mut releases = self.releases.subscribe();
        self.held.send_modify(|count| *count += 1);
        let _ = releases.changed().await;
    }

    /// Notes a call down, and tells its number and what is to go wrong with it.
    fn journal(&self, headers: &HeaderMap, request: &[u8]) -> (usize, Option<Fault>) {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut journal = self.locked();
        let request = String::from_utf8_lossy(request).into_owned();
        self.context.secrets.look_through(Place::Table, &request);
        let fault = journal.plan.next(&operation, &request);
        journal.calls.push(Call { operation, request, fault, answer_bytes: 0 });
        (journal.taken + journal.calls.len() - 1, fault)
    }

    /// Notes down how long the answer to a call was, unless the call was taken meanwhile.
    fn answered(&self, number: usize, bytes: usize) {
        let mut journal = self.locked();
        let index = number.checked_sub(journal.taken);
        if let Some(call) = index.and_then(|index| journal.calls.get_mut(index)) {
            call.answer_bytes = bytes;
        }
    }

    async fn forward(
        &self,
        number: usize,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, reqwest::Error> {
        let mut request = self.http.post(format!("{}/", self.engine)).body(body);
        // The host is the engine's own, and the length that of the body; who asks was looked at here.
        for (name, value) in
            headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length" | "origin"))
        {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(http::header::TRANSFER_ENCODING);
        let body = answer.bytes().await?;
        self.answered(number, body.len());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

async fn handle(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (number, fault) = shared.journal(&headers, &body);
    let underway = Underway::new(shared.clone());
    match fault {
        Some(Fault::ApplyLate(by)) => {
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                // Nobody waits for the answer.
                let _ = underway.0.forward(number, headers, body).await;
            });
            return cut();
        }
        Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
        Some(Fault::HoldRequest) => shared.hold().await,
        Some(Fault::Cut) => return cut(),
        Some(Fault::Throttle) => return throttled(),
        Some(Fault::Conflict) => return conflict(&body),
        Some(Fault::Fail) => return failed(),
        _ => {}
    }
    let answer = shared.forward(number, headers, body).await;
    match fault {
        Some(Fault::HoldResponse) => shared.hold().await,
        Some(Fault::LoseResponse) => return cut(),
        Some(Fault::FailAfter) => return failed(),
        _ => {}
    }
    answer.unwrap_or_else(|_| cut()) // the engine is gone
}

fn throttled() -> Response {
    error(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException", "throttled on purpose")
}

fn conflict(request: &[u8]) -> Response {
    let message = "Transaction is ongoing for the item, on purpose";
    let request: serde_json::Value = serde_json::from_slice(request).unwrap_or_default();
    let Some(items) = request["TransactItems"].as_array() else {
        return error(StatusCode::BAD_REQUEST, "TransactionConflictException", message);
    };
    // The last one is held.
    let mut reasons = vec![serde_json::json!({"Code": "None"}); items.len()];
    if let Some(last) = reasons.last_mut() {
        *last = serde_json::json!({"Code": "TransactionConflict", "Message": message});
    }
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", ")),
        "CancellationReasons": reasons,
    });
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string())
        .into_response()
}

fn failed() -> Response {
    error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "failed on purpose")
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = serde_json::json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"),
        "message": message,
    });
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests;
