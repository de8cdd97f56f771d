//! The run of `harness bench`: requests of each kind, cold starts, and their baselines.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    BenchError, Report, costs,
    floor::{Plan, Step},
    immediate,
    keys::BenchKey,
    load::Load,
    mix::{ALL, Mix, round},
    peers::{self, Peers},
    progress,
    report::{Goal, Latency, Process, Run, Starts, Writes, each},
    stage::{SERVICES, Stage, services},
    usage,
};
use keysync_dynamodb_emulator::Call;
use keysync_lambda_emulator::ProcessFunction;

/// Number of keys: fewer than the IAM decisions that the function caches.
const KEYS: usize = 500;
/// Name of the wire floor in reports.
pub(super) const FLOOR: &str = "wire floor";
/// Name of the function that does nothing in reports.
pub(super) const HELLO: &str = "hello";

/// Extent of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Requests per row.
    pub requests: usize,
    /// Numbers of concurrent requests.
    pub at_once: Vec<usize>,
    /// Cold starts of each function.
    pub starts: usize,
    /// The folder with the installed peers, to measure them, too.
    pub peers: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { requests: 2000, at_once: vec![1, 4, 16, 64, 256], starts: 20, peers: None }
    }
}

/// Measures requests and cold starts. Under cargo it builds the binaries first, which takes
/// minutes.
///
/// # Errors
///
/// If the binaries, the harness or a request fails.
pub async fn requests(options: &Options) -> Result<Report, BenchError> {
    let stage = Stage::start(SERVICES).await?;
    let measurement = Measurement::begin(&stage, options).await?;
    measurement.run().await
}

pub(super) struct Measurement<'a> {
    pub(super) stage: &'a Stage,
    pub(super) options: &'a Options,
    pub(super) keys: Vec<BenchKey>,
    pub(super) token: String,
    pub(super) progress: indicatif::ProgressBar,
}

impl<'a> Measurement<'a> {
    async fn begin(stage: &'a Stage, options: &'a Options) -> Result<Self, BenchError> {
        let keys: Vec<_> = (0..KEYS).map(|_| BenchKey::new(&services()[..1])).collect();
        stage.table().put_keys(&keys, |_| {}).await?;
        let lines = options.at_once.len() * (ALL.len() + 3);
        let progress = progress::bar(lines + options.starts + 3, "counting calls");
        Ok(Self { stage, options, keys, token: stage.token().await?, progress })
    }

    async fn run(&self) -> Result<Report, BenchError> {
        let (costs, calls) = costs::measure(self.stage, &self.keys, &self.token).await?;
        let floor = self.plan(&calls)?;
        self.progress.inc(1);
        let (mut latency, mut process) = (Vec::new(), self.process()?);
        for &at_once in &self.options.at_once {
            let peak = self.latencies(at_once, &floor, &mut latency).await?;
            process.peak_rss_bytes = process.peak_rss_bytes.or(peak);
            process.busy_peak_rss_bytes = peak;
        }
        self.report("an engine that responds at once", 1);
        let immediate = immediate::measure(self, &floor).await?;
        let writes = self.writes(&floor, &latency).await?;
        self.progress.inc(1);
        let starts = self.starts().await?;
        let peers = match &self.options.peers {
            Some(folder) => peers::measure(self, &Peers(folder)).await?,
            None => Vec::new(),
        };
        self.progress.finish_and_clear();
        let mut report = Report {
            run: Run::now(),
            latency,
            immediate,
            costs,
            starts,
            process,
            writes,
            peers,
            goals: Vec::new(),
        };
        report.goals = goals(&report);
        Ok(report)
    }

    /// The plan of the wire floor, from the recorded calls for the first key.
    fn plan(&self, calls: &[Call]) -> Result<Plan, BenchError> {
        let recorded_id = self.keys[0].id.to_string();
        let [claim, confirm, ..] = calls else { return Err(BenchError::NotRecorded("UpdateItem")) };
        let write = |call: &Call| Step {
            to: self.stage.engine(),
            path: "/".to_owned(),
            target: Some(call.operation.clone()),
            body: call.request.clone(),
        };
        let callback = Step {
            to: self.stage.receiver().address(),
            path: "/callbacks".to_owned(),
            target: None,
            body: self.stage.receiver().first(),
        };
        Ok(Plan { steps: vec![write(claim), callback, write(confirm)], recorded_id })
    }

    /// Adds the rows for a concurrency; returns the peak memory of the function.
    async fn latencies(
        &self,
        at_once: usize,
        floor: &Plan,
        lines: &mut Vec<Latency>,
    ) -> Result<Option<u64>, BenchError> {
        let Self { stage, token, .. } = self;
        let (requests, place) = (self.options.requests, lines.len());
        self.report(FLOOR, at_once);
        let wire = stage.floor(floor, at_once).await?;
        Mix::Notified.measure(stage, &wire, &self.keys, token, (self.keys.len(), at_once)).await?;
        let before_floor = used(&wire);
        // One half before the others and one half after: the speed of a shared machine varies.
        let notified =
            async |count| Mix::Notified.measure(stage, &wire, &self.keys, token, (count, at_once)).await;
        let mut load = notified(requests / 2).await?;

        self.report(HELLO, at_once);
        let hello = stage.hello(at_once).await?;
        let events = || (0..requests).map(|_| stage.event("hello", token)).collect();
        round(&hello, events(), at_once, 200).await?;
        let before = used(&hello);
        let measured = round(&hello, events(), at_once, 200).await?;
        lines.push(Latency::new(HELLO, at_once, &measured, since(before, &hello)));
        drop(hello);

        let function = stage.sync(at_once).await?;
        for mix in [Mix::ByAlias, Mix::Notified] {
            // Warm up: open connections and cache decisions.
            mix.measure(stage, &function, &self.keys, token, (self.keys.len(), at_once)).await?;
        }
        for mix in ALL {
            self.report(&mix.to_string(), at_once);
            let before = used(&function);
            let measured = mix.measure(stage, &function, &self.keys, token, (requests, at_once)).await?;
            lines.push(Latency::new(&mix.to_string(), at_once, &measured, since(before, &function)));
        }
        load.add(&notified(requests - requests / 2).await?)?;
        lines.insert(place, Latency::new(FLOOR, at_once, &load, since(before_floor, &wire)));
        Ok(usage_of(&function).map(|usage| usage.peak_rss))
    }

    /// Conditional writes per second of the wire floor without callbacks and of `sync`, each at its
    /// best concurrency.
    async fn writes(&self, floor: &Plan, latency: &[Latency]) -> Result<Writes, BenchError> {
        let mut engine: f64 = 0.0;
        let steps: Vec<_> = floor.steps.iter().filter(|step| step.target.is_some()).cloned().collect();
        for &at_once in &self.options.at_once {
            self.report("conditional writes", at_once);
            let plan = Plan { steps: steps.clone(), ..floor.clone() };
            let function = self.stage.floor(&plan, at_once).await?;
            let count = (self.options.requests, at_once);
            let load = Mix::Notified.measure(self.stage, &function, &self.keys, &self.token, count).await?;
            engine = engine.max(2.0 * load.per_second());
        }
        let notified = Mix::Notified.to_string();
        let most = latency.iter().filter(|line| line.what == notified).map(|line| line.per_second);
        Ok(Writes { engine_per_second: engine, sync_per_second: 2.0 * most.fold(0.0, f64::max) })
    }

    /// Measures cold starts, alternating between the functions.
    async fn starts(&self) -> Result<Starts, BenchError> {
        let binaries = &self.stage.binaries;
        let (mut sync, mut hello) = (Load::new()?, Load::new()?);
        for _ in 0..self.options.starts {
            self.progress.set_message("cold starts");
            for (load, binary) in [(&mut sync, &binaries.sync), (&mut hello, &binaries.hello)] {
                let took = self.stage.start_of(binary).await?;
                load.each.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))?;
            }
            self.progress.inc(1);
        }
        let lines = [&sync, &hello].map(|load| Latency::new("", 1, load, None));
        Ok(Starts {
            count: self.options.starts,
            sync_ms: lines[0].p50 / 1e3,
            sync_max_ms: lines[0].max / 1e3,
            hello_ms: lines[1].p50 / 1e3,
            hello_max_ms: lines[1].max / 1e3,
        })
    }

    fn process(&self) -> Result<Process, BenchError> {
        let size = |path: &Path| path.metadata().map(|metadata| metadata.len()).map_err(BenchError::Build);
        Ok(Process {
            binary_bytes: size(&self.stage.binaries.sync)?,
            hello_binary_bytes: size(&self.stage.binaries.hello)?,
            peak_rss_bytes: None,
            busy_peak_rss_bytes: None,
        })
    }

    fn report(&self, what: &str, at_once: usize) {
        self.progress.set_message(format!("{what}, {at_once} concurrent"));
        self.progress.inc(1);
    }
}

/// The performance targets (docs/explanation/performance.md).
fn goals(report: &Report) -> Vec<Goal> {
    let (starts, process, writes) = (&report.starts, &report.process, &report.writes);
    let calls = [Mix::Notified, Mix::TooEarly, Mix::BadToken]
        .map(|mix| report.cost(mix).map_or(f64::NAN, |cost| cost.dynamodb_calls));
    let notified = Mix::Notified.to_string();
    let one = |what: &str, of: fn(&Latency) -> Option<f64>| report.latency(what, 1).and_then(of);
    let to_floor = |of| one(&notified, of).zip(one(FLOOR, of)).map_or(f64::NAN, |(sync, floor)| sync / floor);
    let start = starts.sync_ms / starts.hello_ms;
    let share = writes.sync_per_second / writes.engine_per_second;
    let mb = |bytes: u64| each(bytes) / 1e6;
    let rss = process.peak_rss_bytes.map_or(f64::NAN, mb);
    vec![
        Goal {
            what: "DynamoDB calls per 204, 409, 401",
            target: "2, 1, 0".to_owned(),
            measured: calls.map(|calls| calls.to_string()).join(", "),
            reached: calls.iter().zip([2.0, 1.0, 0.0]).all(|(made, goal): (&f64, f64)| *made <= goal),
        },
        at_most("p50 of sequential 204s / wire floor", 1.2, to_floor(|latency| Some(latency.p50)), ""),
        at_most("CPU of sequential 204s / wire floor", 2.0, to_floor(|latency| latency.cpu), ""),
        at_most("cold start / function that does nothing", 1.7, start, ""),
        at_most("peak memory, sequential requests", 13.0, rss, " MB"),
        at_most("binary size", 10.0, mb(process.binary_bytes), " MB"),
        Goal {
            what: "conditional writes / rate of the engine",
            target: "≥ 0.50".to_owned(),
            measured: format!("{share:.2}"),
            reached: share >= 0.5,
        },
    ]
}

fn at_most(what: &'static str, goal: f64, measured: f64, unit: &str) -> Goal {
    let reached = measured <= goal;
    Goal { what, target: format!("≤ {goal}{unit}"), measured: format!("{measured:.2}{unit}"), reached }
}

pub(super) fn usage_of(function: &ProcessFunction) -> Option<usage::Usage> {
    function.process_ids().first().copied().and_then(usage::of)
}

pub(super) fn used(function: &ProcessFunction) -> Option<Duration> {
    usage_of(function).map(|usage| usage.cpu)
}

pub(super) fn since(before: Option<Duration>, function: &ProcessFunction) -> Option<Duration> {
    used(function)?.checked_sub(before?)
}
