//! The wire floor: a lower bound for the latency of a sync, from a loop that only sends its
//! requests.
//!
//! The bytes are those of a real sync, recorded once; the key's id is replaced by that of the next
//! key. The loop runs in a separate process on one thread, as the function does, so that its times
//! include the same context switches. It reuses connections and checks only the status.

use std::{io::Read, process::Stdio, time::Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

use super::{BenchError, load::Load};

/// A well-formed signature; the engine does not verify it.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=harness/20260101/us-east-1/dynamodb/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=none";

/// Input of the loop: the steps for each key, for `at_once` keys concurrently.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The key id in the recorded steps, to be replaced.
    pub(super) recorded_id: String,
    pub(super) keys: Vec<String>,
    pub(super) at_once: usize,
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

/// Output of the loop.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    /// Duration per key, in nanoseconds.
    each: Vec<u64>,
    /// Total duration, in nanoseconds.
    took: u64,
}

impl Plan {
    /// Runs the loop in a separate process.
    pub(super) async fn run(&self) -> Result<Load, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::Floor)?;
        let mut child = Command::new(this)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(BenchError::Floor)?;
        let plan = serde_json::to_vec(self).map_err(std::io::Error::from).map_err(BenchError::Floor)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&plan).await.map_err(BenchError::Floor)?;
        }
        let output = child.wait_with_output().await.map_err(BenchError::Floor)?;
        if !output.status.success() {
            return Err(BenchError::Floor(std::io::Error::other("its process failed; see above")));
        }
        let done: Measured = serde_json::from_slice(&output.stdout)
            .map_err(std::io::Error::from)
            .map_err(BenchError::Floor)?;
        let mut load = Load::new()?;
        for nanos in done.each {
            load.each.record(nanos)?;
        }
        load.took = std::time::Duration::from_nanos(done.took);
        Ok(load)
    }
}

/// Name of the hidden command that runs the loop.
pub const COMMAND: &str = "wire-floor";

/// Runs the loop with the plan on standard input, and returns its result as JSON.
#[doc(hidden)]
pub fn wire_floor() -> Result<Vec<u8>, BenchError> {
    let mut plan = Vec::new();
    std::io::stdin().read_to_end(&mut plan).map_err(BenchError::Floor)?;
    let plan: Plan =
        serde_json::from_slice(&plan).map_err(std::io::Error::from).map_err(BenchError::Floor)?;
    // The command's runtime is multi-threaded; the function's is not.
    let done = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(&plan))
    });
    let done = done.join().map_err(|_| BenchError::Floor(std::io::Error::other("the loop panicked")))?;
    serde_json::to_vec(&done.map_err(BenchError::Floor)?)
        .map_err(std::io::Error::from)
        .map_err(BenchError::Floor)
}

async fn all(plan: &Plan) -> std::io::Result<Measured> {
    let mut loops = Vec::new();
    for _ in 0..plan.at_once {
        let mut connections = Vec::new();
        for step in &plan.steps {
            connections.push(connect(&step.to).await?);
        }
        loops.push(connections);
    }
    let next = std::cell::Cell::new(0);
    let started = Instant::now();
    let loops = loops.into_iter().map(|mut connections| {
        let next = &next;
        async move {
            let mut each = Vec::new();
            while let Some(key) = plan.keys.get(next.replace(next.get() + 1)) {
                let since = Instant::now();
                for (step, connection) in plan.steps.iter().zip(&mut connections) {
                    send(connection, step, &step.body.replace(&plan.recorded_id, key)).await?;
                }
                each.push(nanos(since));
            }
            std::io::Result::Ok(each)
        }
    });
    let each = futures_util::future::try_join_all(loops).await?.concat();
    Ok(Measured { each, took: nanos(started) })
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

async fn connect(to: &str) -> std::io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(connection: &mut SendRequest<Full<Bytes>>, step: &Step, body: &str) -> std::io::Result<()> {
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
