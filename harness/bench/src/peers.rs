//! Functions that a user would write instead, in Python and in Node (`harness/bench/peers`).
//!
//! They run behind the same Lambda Runtime API and call the same engine, IAM and service. Each has
//! a variant with Powertools, which verifies the token, claims, notifies and confirms, and a bare
//! conditional write with an unsigned callback.

use std::{
    ffi::OsString,
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    BenchError,
    mix::Mix,
    report::Latency,
    requests::{Measurement, since, usage_of, used},
};

/// Starts of each function: those of the peers take hundreds of milliseconds.
const STARTS: usize = 5;
/// What a whole function supports, and a bare write.
const FULL: &[Mix] = &[Mix::Notified, Mix::TooEarly, Mix::BadToken];
const BARE: &[Mix] = &[Mix::Notified, Mix::TooEarly];
/// Requests before the measurement.
const WARM_UP: usize = 300;

/// Where the peers are: the folder with `python` and `node` that `cargo task peers` makes.
#[derive(Clone, Debug)]
pub(super) struct Peers<'a>(pub(super) &'a Path);

/// A function in another language.
struct Function {
    name: String,
    command: Vec<OsString>,
    env: Vec<(String, String)>,
    /// The kinds of request that it supports.
    mixes: &'static [Mix],
}

/// A function with its measurements, one request at a time.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// The name of the function.
    pub name: String,
    /// Latency by request kind.
    pub latency: Vec<Latency>,
    /// Median duration of a cold start, in milliseconds.
    pub start_ms: f64,
    /// Peak resident memory, in bytes.
    pub peak_rss_bytes: Option<u64>,
}

impl Peers<'_> {
    fn functions(&self) -> Vec<Function> {
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let folder = self.0.join("python").to_string_lossy().into_owned();
        let node = vec!["node".into(), self.0.join("node").join("runtime.mjs").into()];
        let languages = [
            (
                "Python",
                vec![python, "-m".into(), "awslambdaric".into()],
                vec![("PYTHONPATH".to_owned(), folder)],
            ),
            ("Node", node, Vec::new()),
        ];
        let handlers = [("Powertools", "function.powertools", FULL), ("bare write", "function.bare", BARE)];
        let of = |(language, command, env): (&str, Vec<OsString>, Vec<_>)| {
            handlers.map(|(what, handler, mixes)| Function {
                name: format!("{language}, {what}"),
                command: [command.clone(), vec![handler.into()]].concat(),
                env: env.clone(),
                mixes,
            })
        };
        languages.into_iter().flat_map(of).collect()
    }
}

/// Measures the peers, one request at a time.
pub(super) async fn measure(
    measurement: &Measurement<'_>,
    peers: &Peers<'_>,
) -> Result<Vec<Peer>, BenchError> {
    let Measurement { stage, keys, token, options, progress } = measurement;
    let mut measured = Vec::new();
    for Function { name, command, env, mixes } in peers.functions() {
        progress.set_message(name.clone());
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            let began = Instant::now();
            let process = stage.peer(command.clone(), env.clone()).await?;
            starts.push(began.elapsed());
            process.kill().await;
        }
        starts.sort();
        let function = stage.peer(command, env).await?;
        Mix::Notified.measure(stage, &function, keys, token, (WARM_UP, 1)).await?;
        let mut latency = Vec::new();
        for mix in mixes {
            let before = used(&function);
            let load = mix.measure(stage, &function, keys, token, (options.requests, 1)).await?;
            latency.push(Latency::new(&mix.to_string(), 1, &load, since(before, &function)));
        }
        let start: Duration = starts[STARTS / 2];
        measured.push(Peer {
            name,
            latency,
            start_ms: start.as_secs_f64() * 1e3,
            peak_rss_bytes: usage_of(&function).map(|usage| usage.peak_rss),
        });
        progress.inc(1);
    }
    Ok(measured)
}
