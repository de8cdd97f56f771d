//! The wire floor: a lower bound for a sync, from a function that only sends its requests.
//!
//! It runs on the same Lambda runtime as `sync` and takes the same events. For each it sends the
//! bytes of a real sync, recorded once, with the id of the event's key in place of the recorded
//! one. It reuses connections, and checks only the status.

use std::{ffi::OsString, sync::Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use lambda_http::{
    Error,
    lambda_runtime::{LambdaEvent, run_concurrent},
    service_fn,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::BenchError;

/// A well-formed signature; the engine does not verify it.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=harness/20260101/us-east-1/dynamodb/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=none";
/// Name of the hidden command that runs the function.
pub const COMMAND: &str = "wire-floor";
/// The environment variable with its plan.
const PLAN: &str = "HARNESS_WIRE_FLOOR";

/// What the function sends for each event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The key id in the recorded steps, to be replaced.
    pub(super) recorded_id: String,
}

/// A recorded request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Step {
    /// Host and port.
    pub(super) to: String,
    pub(super) path: String,
    /// Operation of DynamoDB; none for a callback.
    pub(super) target: Option<String>,
    pub(super) body: String,
}

impl Plan {
    /// This plan with another engine.
    pub(super) fn with_engine(&self, engine: &str, other: &str) -> Self {
        let mut plan = self.clone();
        for step in plan.steps.iter_mut().filter(|step| step.to == engine) {
            other.clone_into(&mut step.to);
        }
        plan
    }

    /// The function's command and setting.
    pub(super) fn command(&self) -> Result<(Vec<OsString>, (String, String)), BenchError> {
        let this = std::env::current_exe().map_err(BenchError::Floor)?;
        let plan = serde_json::to_string(self).map_err(std::io::Error::from).map_err(BenchError::Floor)?;
        Ok((vec![this.into(), COMMAND.into()], (PLAN.to_owned(), plan)))
    }
}

/// Runs the function until the process is ended.
#[doc(hidden)]
pub fn wire_floor() -> Result<(), BenchError> {
    // The command's runtime is multi-threaded; that of `sync` is not.
    let done = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve()).map_err(std::io::Error::other)
    });
    let done = done.join().map_err(|_| BenchError::Floor(std::io::Error::other("the function panicked")))?;
    done.map_err(BenchError::Floor)
}

async fn serve() -> Result<(), Error> {
    let plan: Plan = serde_json::from_str(&std::env::var(PLAN)?)?;
    let floor = std::sync::Arc::new(Floor { plan, idle: Mutex::default() });
    run_concurrent(service_fn(move |event: LambdaEvent<Value>| floor.clone().handle(event.payload))).await
}

type Connection = SendRequest<Full<Bytes>>;

struct Floor {
    plan: Plan,
    /// Connections, one for each step, that no event uses.
    idle: Mutex<Vec<Vec<Connection>>>,
}

impl Floor {
    async fn handle(self: std::sync::Arc<Self>, event: Value) -> Result<Value, Error> {
        let key = event["rawPath"].as_str().and_then(|path| path.split('/').nth(4)).ok_or("no key id")?;
        let idle = self.idle.lock().map_err(|_| "poisoned")?.pop();
        let mut connections = idle.unwrap_or_default();
        for (n, step) in self.plan.steps.iter().enumerate() {
            if connections.len() == n {
                connections.push(connect(&step.to).await?);
            }
            send(&mut connections[n], step, &step.body.replace(&self.plan.recorded_id, key)).await?;
        }
        self.idle.lock().map_err(|_| "poisoned")?.push(connections);
        Ok(json!({"statusCode": 204}))
    }
}

async fn connect(to: &str) -> std::io::Result<Connection> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(connection: &mut Connection, step: &Step, body: &str) -> std::io::Result<()> {
    let mut request = Request::post(&step.path).header("host", &step.to);
    if let Some(target) = &step.target {
        request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{target}"))
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", UNSIGNED);
    }
    let request = request.body(Full::from(body.to_owned())).map_err(std::io::Error::other)?;
    connection.ready().await.map_err(std::io::Error::other)?;
    let response = connection.send_request(request).await.map_err(std::io::Error::other)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    if status.is_success() {
        return Ok(());
    }
    Err(std::io::Error::other(format!("unexpected status {status}: {}", String::from_utf8_lossy(&body))))
}
