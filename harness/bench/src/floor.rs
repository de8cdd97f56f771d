//! The wire floor: what a sync sends, sent by a bare loop that does nothing else.
//!
//! The bytes are those of a real sync: recorded once, with the key's id exchanged for that of the next key. The
//! loop runs in a process of its own on one thread, as the function does, so that the same switches between
//! processes are in its times. It keeps its connections open, and looks at nothing but the status.

use std::{io::Read, process::Stdio, time::Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

use super::{BenchError, load::Load};

/// Has the form of a signature, which is all that the engine looks at.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=harness/20260101/us-east-1/dynamodb/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=none";

/// What the loop has to do: the steps for each of the keys, so many keys at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// The id that stands in the steps for that of a key.
    pub(super) stands_for: String,
    pub(super) keys: Vec<String>,
    pub(super) at_once: usize,
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Step {
    /// Host and port.
    pub(super) to: String,
    pub(super) path: String,
    /// Of DynamoDB: the operation.
    pub(super) target: Option<String>,
    pub(super) body: String,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Done {
    /// How long each key took, in nanoseconds.
    each: Vec<u64>,
    /// How long all of them took, in nanoseconds.
    took: u64,
}

impl Plan {
    /// Runs the loop in a process of its own.
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
            return Err(BenchError::Floor(std::io::Error::other("it failed; see above")));
        }
        let done: Done = serde_json::from_slice(&output.stdout)
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

/// The hidden command that is the loop.
pub const COMMAND: &str = "wire-floor";

/// The loop: a plan on standard input. Returns what came of it, as JSON.
#[doc(hidden)]
pub fn wire_floor() -> Result<Vec<u8>, BenchError> {
    let mut plan = Vec::new();
    std::io::stdin().read_to_end(&mut plan).map_err(BenchError::Floor)?;
    let plan: Plan =
        serde_json::from_slice(&plan).map_err(std::io::Error::from).map_err(BenchError::Floor)?;
    // The command's own runtime has threads; this one has none.
    let done = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(&plan))
    });
    let done = done.join().map_err(|_| BenchError::Floor(std::io::Error::other("the loop panicked")))?;
    serde_json::to_vec(&done.map_err(BenchError::Floor)?)
        .map_err(std::io::Error::from)
        .map_err(BenchError::Floor)
}

async fn all(plan: &Plan) -> std::io::Result<Done> {
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
                    send(connection, step, &step.body.replace(&plan.stands_for, key)).await?;
                }
                each.push(nanos(since));
            }
            std::io::Result::Ok(each)
        }
    });
    let each = futures_util::future::try_join_all(loops).await?.concat();
    Ok(Done { each, took: nanos(started) })
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
    let answer = connection.send_request(request).await.map_err(std::io::Error::other)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    if status.is_success() {
        return Ok(());
    }
    Err(std::io::Error::other(format!("the floor got {status}: {}", String::from_utf8_lossy(&body))))
}
