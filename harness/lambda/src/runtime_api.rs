//! Emulated Lambda Runtime API: execution environments poll for invocations and post their
//! responses.
//!
//! As in Lambda, an environment receives one invocation for each poll, and each invocation has a
//! deadline. Each environment has a path prefix on one server:
//! `AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:PORT/RANDOM/env/3`. The prefix is random because a
//! `GET` consumes an event, and not every browser sends `Sec-Fetch-Site` or `Origin` with a
//! cross-site `GET`.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use keysync::Clock;
use keysync_browser_guard::Guard;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot, watch},
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use keysync_emulator_support::server::Server;

/// The outcome of an invocation.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The function responded with this body.
    Responded(Bytes),
    /// The function reported an error, or its environment ended before it responded.
    Failed,
}

/// The emulated service.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: Server,
    /// The prefix of all paths.
    prefix: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: &'static str,
    timeout: Duration,
    queue: mpsc::UnboundedSender<Invocation>,
    waiting: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    /// Running invocations by id.
    running: Mutex<BTreeMap<String, Running>>,
    /// The environments that have polled.
    polled: watch::Sender<BTreeSet<usize>>,
    /// For each environment, the end of its current process: cancelled when that exceeds the
    /// deadline of an invocation, or has ended.
    ends: Vec<Mutex<CancellationToken>>,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    event: String,
    reply: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
struct Running {
    environment: usize,
    reply: oneshot::Sender<Outcome>,
    timer: AbortHandle,
}

impl RuntimeApi {
    /// Starts the service for the function `name` with a number of environments and a time limit
    /// for each invocation.
    pub(super) async fn start(
        name: &'static str,
        environments: usize,
        timeout: Duration,
    ) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            name,
            timeout,
            queue,
            waiting: AsyncMutex::new(waiting),
            running: Mutex::default(),
            polled: watch::Sender::default(),
            ends: (0..environments).map(|_| Mutex::default()).collect(),
        });
        let router = Router::new()
            .route("/env/{n}/2018-06-01/runtime/invocation/next", get(next))
            .route("/env/{n}/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/env/{n}/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/env/{n}/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared.clone());
        let prefix = format!("/{}", Uuid::new_v4().simple());
        let router = Router::new().nest(&prefix, router);
        // The default guard suffices: its clients are processes of this harness, which use its
        // address.
        Ok(Self { server: Server::start(router, &Guard::default()).await?, prefix, shared })
    }

    /// `AWS_LAMBDA_RUNTIME_API` of an environment.
    pub(super) fn address(&self, environment: usize) -> String {
        format!("{}{}/env/{environment}", self.server.url(), self.prefix)
    }

    /// Invokes the next free environment with an event.
    pub(super) async fn invoke(&self, event: &Value) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let invocation = Invocation { id: Uuid::new_v4().to_string(), event: event.to_string(), reply };
        if self.shared.queue.send(invocation).is_err() {
            return Outcome::Failed;
        }
        outcome.await.unwrap_or(Outcome::Failed)
    }

    /// Waits until an environment has polled for an invocation.
    pub(super) async fn polled(&self, environment: usize) {
        // The sender lives as long as this service, so the channel is never closed.
        let _ = self.shared.polled.subscribe().wait_for(|polled| polled.contains(&environment)).await;
    }

    /// Prepares an environment for a new process. The token is cancelled when the process exceeds
    /// the deadline of an invocation.
    pub(super) fn start_process(&self, environment: usize) -> CancellationToken {
        let end = CancellationToken::new();
        *self.shared.ends[environment].lock() = end.clone();
        end
    }

    /// Fails the invocations of an environment whose process has ended.
    pub(super) fn end_process(&self, environment: usize) {
        // First, so that no further invocation is delivered to the process.
        self.shared.ends[environment].lock().cancel();
        let mut running = self.shared.running();
        for (_, running) in running.extract_if(.., |_, running| running.environment == environment) {
            running.finish(Outcome::Failed);
        }
    }
}

impl Running {
    fn finish(self, outcome: Outcome) {
        self.timer.abort();
        // The caller may have been cancelled.
        let _ = self.reply.send(outcome);
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock()
    }

    /// Finishes the environment's invocation with this id.
    fn finish(&self, environment: usize, id: String, outcome: Outcome) -> StatusCode {
        match self.running().entry(id) {
            Entry::Occupied(found) if found.get().environment == environment => {
                found.remove().finish(outcome);
                StatusCode::ACCEPTED
            }
            _ => StatusCode::BAD_REQUEST, // the invocation has ended or timed out
        }
    }

    /// Delivers an invocation to a process that has polled. If the process has ended since,
    /// returns `None`, and the next poll receives the invocation.
    fn deliver(
        &self,
        environment: usize,
        invocation: Invocation,
        process: &CancellationToken,
    ) -> Option<Response> {
        let mut running = self.running();
        if process.is_cancelled() {
            // Cannot fail: the receiver is a field of `self`.
            let _ = self.queue.send(invocation);
            return None;
        }
        let Invocation { id, event, reply } = invocation;
        let deadline = Clock::system().now().plus(self.timeout);
        let headers = [
            ("lambda-runtime-aws-request-id", id.clone()),
            ("lambda-runtime-deadline-ms", deadline.get().to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name),
            ),
            ("lambda-runtime-trace-id", xray(&id, deadline.secs())),
            ("content-type", "application/json".to_owned()),
        ];
        let timer = tokio::spawn(end_at_timeout(self.timeout, process.clone())).abort_handle();
        running.insert(id, Running { environment, reply, timer });
        Some((AppendHeaders(headers), event).into_response())
    }
}

async fn next(State(shared): State<Arc<Shared>>, Path(environment): Path<usize>) -> Response {
    let Some(process) = shared.ends.get(environment).map(|end| end.lock().clone()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    shared.polled.send_if_modified(|polled| polled.insert(environment));
    let waiting = async { shared.waiting.lock().await.recv().await };
    let response = match process.run_until_cancelled(waiting).await {
        Some(Some(invocation)) => shared.deliver(environment, invocation, &process),
        Some(None) => Some(StatusCode::GONE.into_response()),
        None => None,
    };
    match response {
        Some(response) => response,
        // The process is being killed, and its connection ends with it. It could log a response.
        None => std::future::pending().await,
    }
}

/// A separate, unsampled trace for each invocation.
fn xray(invocation: &str, seconds: u64) -> String {
    let digits = invocation.replace('-', "");
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &digits[..24], &digits[16..])
}

async fn end_at_timeout(timeout: Duration, process: CancellationToken) {
    tokio::time::sleep(timeout).await;
    process.cancel();
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path((environment, id)): Path<(usize, String)>,
    body: Bytes,
) -> StatusCode {
    shared.finish(environment, id, Outcome::Responded(body))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path((environment, id)): Path<(usize, String)>,
) -> StatusCode {
    shared.finish(environment, id, Outcome::Failed)
}

/// Accepts an init error. The process logs it to standard error and ends.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn paths_cannot_be_guessed() {
        let api = RuntimeApi::start("sync", 1, Duration::from_secs(1)).await.unwrap();
        let other = RuntimeApi::start("sync", 1, Duration::from_secs(1)).await.unwrap();
        let path = |api: &RuntimeApi| reqwest::Url::parse(&api.address(0)).unwrap().path().to_owned();
        assert_ne!(path(&api), path(&other));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        for guess in ["", "/env/0", "/0/env/0"] {
            let next = format!("{}{guess}/2018-06-01/runtime/invocation/next", api.server.url());
            assert_eq!(http.get(next).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{guess}");
        }
        assert!(path(&api).ends_with("/env/0") && path(&api).len() > 32, "{}", path(&api));
    }

    /// Polls as a process does.
    async fn poll(api: &RuntimeApi) -> reqwest::Result<reqwest::Response> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        http.get(format!("{}/2018-06-01/runtime/invocation/next", api.address(0))).send().await
    }

    #[tokio::test]
    async fn poll_of_ended_process_takes_no_invocation() {
        let api = RuntimeApi::start("sync", 1, Duration::from_mins(1)).await.unwrap();
        api.start_process(0);
        let event = json!({});
        let polled = async {
            api.polled(0).await;
            api.end_process(0);
            api.start_process(0);
            tokio::select! {
                _ = api.invoke(&event) => panic!("no response was posted"),
                response = poll(&api) => response.unwrap().status(),
            }
        };
        tokio::select! {
            _ = poll(&api) => panic!("the poll of the first process received a response"),
            status = polled => assert_eq!(status, StatusCode::OK),
        }
    }
}
