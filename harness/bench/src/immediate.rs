//! An engine that responds at once, for what the real one hides: between two calls, its work takes
//! most of the time and evicts the function's code from the processor's caches.
//!
//! It repeats the real engine's first response to each kind of call, with the id of the key in
//! question. It stores nothing, so every claim succeeds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use keysync_browser_guard::Guard;
use keysync_emulator_support::server::Server;
use keysync_testkit::HarnessError;
use serde_json::Value;

use super::{
    BenchError,
    floor::Plan,
    mix::Mix,
    report::Latency,
    requests::{FLOOR, Measurement, since, used},
};

/// The operation of a call.
const OPERATION: &str = "x-amz-target";

/// The engine. Dropping it ends it.
pub(super) struct Immediate {
    server: Server,
}

struct Calls {
    engine: String,
    http: reqwest::Client,
    /// The first response to each kind of call.
    recorded: Mutex<HashMap<Kind, Recorded>>,
}

/// The operation, and what it returns: a claim returns the item, a confirmation nothing.
type Kind = (String, String);

#[derive(Clone)]
struct Recorded {
    key: String,
    status: StatusCode,
    body: String,
}

impl Immediate {
    /// Starts it in front of the engine at `engine`.
    pub(super) async fn start(engine: String) -> Result<Self, BenchError> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(HarnessError::from)?;
        let calls = Arc::new(Calls { engine, http, recorded: Mutex::default() });
        let router = Router::new().fallback(respond).with_state(calls);
        let server = Server::start(router, &Guard::default()).await.map_err(HarnessError::from)?;
        Ok(Self { server })
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }
}

/// The rows of the wire floor and of a 204, one at a time, with an engine that responds at once.
pub(super) async fn measure(measurement: &Measurement<'_>, floor: &Plan) -> Result<Vec<Latency>, BenchError> {
    let Measurement { stage, keys, token, options, .. } = measurement;
    let engine = Immediate::start(stage.engine_url().to_owned()).await?;
    let address = engine.url().trim_start_matches("http://").to_owned();
    let wire = stage.floor(&floor.with_engine(&stage.engine(), &address), 1).await?;
    let sync = stage.sync_with(&engine.url(), 1).await?;
    let mut lines = Vec::new();
    for (name, function) in [(FLOOR.to_owned(), wire), (Mix::Notified.to_string(), sync)] {
        let requests = |count| Mix::Notified.measure(stage, &function, keys, token, (count, 1));
        requests(keys.len()).await?; // warm up
        let before = used(&function);
        let measured = requests(options.requests).await?;
        lines.push(Latency::new(&name, 1, &measured, since(before, &function)));
    }
    Ok(lines)
}

async fn respond(State(calls): State<Arc<Calls>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let operation = headers.get(OPERATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = (operation.to_owned(), text(&request["ReturnValues"]));
    let key = text(&request["Key"]["pk"]["S"]);
    let recorded = calls.recorded.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).cloned();
    let recorded = match recorded {
        Some(recorded) => recorded,
        None => match calls.forward(headers, key.clone(), body).await {
            Ok(recorded) if recorded.status.is_success() => {
                let mut all = calls.recorded.lock().unwrap_or_else(PoisonError::into_inner);
                all.entry(kind).or_insert(recorded).clone()
            }
            Ok(failed) => failed,
            Err(error) => return response(StatusCode::BAD_GATEWAY, error.to_string()),
        },
    };
    response(recorded.status, recorded.body.replace(&recorded.key, &key))
}

fn response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

impl Calls {
    async fn forward(
        &self,
        mut headers: HeaderMap,
        key: String,
        body: Bytes,
    ) -> Result<Recorded, reqwest::Error> {
        headers.remove(header::CONTENT_LENGTH);
        let response = self.http.post(&self.engine).headers(headers).body(body).send().await?;
        Ok(Recorded { key, status: response.status(), body: response.text().await? })
    }
}
