//! A proxy in front of DynamoDB that records every call and injects faults that engines cannot
//! produce, such as a response that is lost after its write was applied.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::{
    applied::FAULT,
    engine::MAX_REQUEST_BYTES,
    fault::{DecidedByClosure, Fault, InjectedFault, Plan, Times},
    rejection::Rejection,
};
use keysync_emulator_support::{
    assertion::wait,
    context::Context,
    journal::Journal,
    secret_scanner::Place,
    server::{Server, cut},
};

/// A recorded call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The operation, such as `UpdateItem`.
    pub operation: String,
    /// The request's body.
    pub request: String,
    /// The injected fault.
    pub fault: Option<Fault>,
    /// The length of the response's body, in bytes; 0 if there is no response.
    pub response_bytes: usize,
}

/// The proxy. Dropping it ends it and closes its connections.
pub struct Proxy {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    engine: String,
    http: reqwest::Client,
    context: Context,
    log: Mutex<CallLog>,
    /// The number of calls that were held since the start.
    held: watch::Sender<usize>,
    /// The number of releases.
    releases: watch::Sender<usize>,
    /// The number of calls in progress.
    in_progress: watch::Sender<usize>,
}

/// A call in progress, until this is dropped.
struct InProgress(Arc<Shared>);

#[derive(Default)]
struct CallLog {
    calls: Vec<Call>,
    /// The number of calls that were removed before these.
    removed: usize,
    plan: Plan,
}

impl Proxy {
    /// Starts a proxy in front of the engine at `url`.
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
            in_progress: watch::Sender::default(),
        });
        let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES));
        let router = router.with_state(shared.clone());
        Ok(Self { server: Server::start(router, &context.guard).await?, shared })
    }

    /// The proxy's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Injects a fault into calls.
    pub fn inject(&self, fault: Fault, times: Times) {
        self.shared.locked().plan.add(fault, times, None);
    }

    /// Injects a fault into calls of one operation, such as `UpdateItem`.
    pub fn inject_on(&self, operation: &str, fault: Fault, times: Times) {
        self.shared.locked().plan.add(fault, times, Some(operation.to_owned()));
    }

    /// Injects the fault that `decide` returns for a call's operation.
    pub fn inject_with(&self, mut decide: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        self.shared.locked().plan.add_decision(Box::new(move |operation, _| decide(operation)));
    }

    /// Injects the fault that `decide` returns for a call's request body.
    pub fn inject_with_request(&self, mut decide: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        self.shared.locked().plan.add_decision(Box::new(move |_, request| decide(request)));
    }

    /// Waits until `count` calls were held since the start.
    ///
    /// # Panics
    ///
    /// If fewer were held after the harness's wait timeout.
    pub async fn wait_until_held(&self, count: usize) {
        // The sender lives as long as this proxy, so the channel is never closed.
        let mut held = self.shared.held.subscribe();
        let expected = format!("{count} calls to DynamoDB held");
        wait(held.wait_for(|held| *held >= count), expected, || self.summary(), self.journal()).await.ok();
    }

    /// Releases all held calls.
    pub fn release(&self) {
        self.shared.releases.send_modify(|count| *count += 1);
    }

    /// Waits until no call is in progress, including calls that their callers have cancelled.
    ///
    /// # Panics
    ///
    /// If a call is still in progress after the harness's wait timeout.
    pub async fn wait_until_quiet(&self) {
        // The sender lives as long as this proxy, so the channel is never closed.
        let mut in_progress = self.shared.in_progress.subscribe();
        let expected = "no call to DynamoDB in progress";
        wait(in_progress.wait_for(|count| *count == 0), expected, || self.summary(), self.journal())
            .await
            .ok();
    }

    fn summary(&self) -> String {
        let (held, in_progress) = (*self.shared.held.borrow(), *self.shared.in_progress.borrow());
        let operations = self.calls().into_iter().map(|call| call.operation);
        format!("{held} held, {in_progress} in progress, of {:?}", operations.collect::<Vec<_>>())
    }

    fn journal(&self) -> &Journal {
        &self.shared.context.journal
    }

    /// The injected faults, for a snapshot.
    pub fn faults(&self) -> Result<Vec<InjectedFault>, DecidedByClosure> {
        self.shared.locked().plan.faults()
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Vec<InjectedFault>) {
        self.shared.locked().plan = faults.into();
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.locked().plan = Plan::default();
    }

    /// The calls since the start or since the last [`Proxy::take_calls`].
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.locked().calls.clone()
    }

    /// Removes and returns the recorded calls.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        let mut log = self.shared.locked();
        log.removed += log.calls.len();
        std::mem::take(&mut log.calls)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} → {})", self.url(), self.shared.engine)
    }
}

impl InProgress {
    fn new(shared: Arc<Shared>) -> Self {
        shared.in_progress.send_modify(|count| *count += 1);
        Self(shared)
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.send_modify(|count| *count -= 1);
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

    /// Records a call, and returns its number and its fault.
    fn record(&self, headers: &HeaderMap, request: &[u8]) -> (usize, Option<Fault>) {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut log = self.locked();
        let request = String::from_utf8_lossy(request).into_owned();
        self.context.secrets.scan(Place::Table, &request);
        let fault = log.plan.next(&operation, &request);
        log.calls.push(Call { operation, request, fault, response_bytes: 0 });
        (log.removed + log.calls.len() - 1, fault)
    }

    /// Records the length of a response, unless the call has been removed.
    fn record_response(&self, number: usize, bytes: usize) {
        let mut log = self.locked();
        let index = number.checked_sub(log.removed);
        if let Some(call) = index.and_then(|index| log.calls.get_mut(index)) {
            call.response_bytes = bytes;
        }
    }

    async fn forward(
        &self,
        number: usize,
        headers: HeaderMap,
        body: Bytes,
        fault: Option<Fault>,
    ) -> Result<Response, reqwest::Error> {
        let mut request = self.http.post(format!("{}/", self.engine)).body(body);
        if let Some(fault) = fault {
            request = request.header(FAULT, format!("{fault:?}"));
        }
        // The client sets host and length, and the guard of this proxy has checked the origin.
        for (name, value) in
            headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length" | "origin"))
        {
            request = request.header(name, value);
        }
        let received = request.send().await?;
        let (status, mut headers) = (received.status(), received.headers().clone());
        headers.remove(http::header::TRANSFER_ENCODING);
        let body = received.bytes().await?;
        self.record_response(number, body.len());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

async fn handle(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (number, fault) = shared.record(&headers, &body);
    let in_progress = InProgress::new(shared.clone());
    match fault {
        Some(Fault::ApplyLate(by)) => {
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                // The caller's connection is already cut.
                let _ = in_progress.0.forward(number, headers, body, fault).await;
            });
            return cut();
        }
        Some(Fault::Delay(by)) => tokio::time::sleep(by).await,
        Some(Fault::HoldRequest) => shared.hold().await,
        Some(Fault::Cut) => return cut(),
        Some(Fault::Throttle) => return rejected(Rejection::Throttled, &body),
        Some(Fault::Conflict) => return rejected(Rejection::Conflict, &body),
        Some(Fault::Fail) => return rejected(Rejection::Failed, &body),
        _ => {}
    }
    let response = shared.forward(number, headers, body.clone(), fault).await;
    match fault {
        Some(Fault::HoldResponse) => shared.hold().await,
        Some(Fault::LoseResponse) => return cut(),
        Some(Fault::FailAfter) => return rejected(Rejection::Failed, &body),
        _ => {}
    }
    response.unwrap_or_else(|_| cut()) // the engine has ended
}

/// The response to a call that a fault rejects.
fn rejected(rejection: Rejection, request: &[u8]) -> Response {
    let (status, body) = rejection.response(request);
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

#[cfg(test)]
mod tests;
