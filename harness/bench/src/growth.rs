//! `harness bench growth`: how latency and calls scale with the size of the table.

use serde::Serialize;

use super::{
    BenchError,
    keys::BenchKey,
    mix::Mix,
    progress,
    report::{Latency, Run, each},
    stage::{MAX_SERVICES, Stage, services},
};
use keysync_lambda_emulator::ProcessFunction;

/// Maximum number of keys that requests are made for.
const KEYS: usize = 100;
/// Number of these keys that get many registrations.
const KEYS_WITH_REGISTRATIONS: usize = 10;

/// Maximum sizes and number of requests.
#[derive(Clone, Debug)]
pub struct GrowthOptions {
    /// Maximum number of keys in the table.
    pub keys: usize,
    /// Maximum number of registrations of a key.
    pub registrations: usize,
    /// Requests per row.
    pub requests: usize,
}

impl Default for GrowthOptions {
    fn default() -> Self {
        Self { keys: 1_000_000, registrations: 10_000, requests: 1000 }
    }
}

/// Result of `harness bench growth`.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// The run.
    pub run: Run,
    /// Measurements, in order.
    pub points: Vec<Point>,
}

/// Sequential requests at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// What is counted, such as `keys in the table`.
    pub of: &'static str,
    /// The size.
    pub count: usize,
    /// Latency of 204s.
    pub notified: Latency,
    /// Latency of 409s.
    pub too_early: Latency,
    /// Calls to `DynamoDB` per 204.
    pub dynamodb_calls: f64,
    /// Bytes of their request and response bodies.
    pub dynamodb_bytes: f64,
}

/// Measures requests while the table grows.
///
/// # Errors
///
/// If the binaries, the harness or a request fails.
pub async fn growth(options: &GrowthOptions) -> Result<Growth, BenchError> {
    let stage = Stage::start(MAX_SERVICES).await?;
    let run = GrowthRun { token: stage.token().await?, stage, requests: options.requests };
    let mut points = Vec::new();
    for services_of_each in [1, 4, 16, MAX_SERVICES] {
        let keys = run.keys(services_of_each).await?;
        points.push(run.point("services of a key", services_of_each, &keys).await?);
    }
    let keys = &run.keys(1).await?[..KEYS_WITH_REGISTRATIONS.min(options.requests)];
    let mut registrations = 0;
    for more in powers(1, options.registrations) {
        run.register(keys, registrations..more).await?;
        registrations = more;
        points.push(run.point("registrations of a key", more, keys).await?);
    }
    let keys = run.keys(1).await?;
    let mut filled = 0;
    for more in powers(1000, options.keys) {
        run.fill(more - filled).await?;
        filled = more;
        points.push(run.point("keys in the table", more, &keys).await?);
    }
    Ok(Growth { run: Run::now(), points })
}

/// The powers of ten from `first` to `last`.
fn powers(first: usize, last: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(first), |power| power.checked_mul(10)).take_while(move |power| *power <= last)
}

struct GrowthRun {
    stage: Stage,
    token: String,
    requests: usize,
}

impl GrowthRun {
    async fn keys(&self, services_of_each: usize) -> Result<Vec<BenchKey>, BenchError> {
        let keys = 0..KEYS.min(self.requests);
        let keys: Vec<_> = keys.map(|_| BenchKey::new(&services()[..services_of_each])).collect();
        self.stage.table().put_keys(&keys, |_| {}).await?;
        Ok(keys)
    }

    /// Adds keys that no request is made for.
    async fn fill(&self, count: usize) -> Result<(), BenchError> {
        let keys: Vec<_> = (0..count).map(|_| BenchKey::new(&services()[..1])).collect();
        let progress = progress::bar(2 * count, "items put into the table");
        let done = |count| progress.inc(u64::try_from(count).unwrap_or(0));
        self.stage.table().put_keys(&keys, done).await?;
        progress.finish_and_clear();
        Ok(())
    }

    /// Adds registrations to each of `keys`.
    async fn register(&self, keys: &[BenchKey], range: std::ops::Range<usize>) -> Result<(), BenchError> {
        let progress = progress::bar(keys.len() * range.len(), "registrations put into the table");
        let done = |count| progress.inc(u64::try_from(count).unwrap_or(0));
        self.stage.table().put_registrations(keys, range, done).await?;
        progress.finish_and_clear();
        Ok(())
    }

    async fn point(&self, of: &'static str, count: usize, keys: &[BenchKey]) -> Result<Point, BenchError> {
        let progress = progress::bar(3, &format!("{count} {of}"));
        let function = self.stage.sync(1).await?;
        self.measure(Mix::Notified, &function, keys, keys.len()).await?; // warm-up
        progress.inc(1);
        let notified = self.measure(Mix::Notified, &function, keys, self.requests).await?;
        progress.inc(1);
        let too_early = self.measure(Mix::TooEarly, &function, keys, self.requests).await?;
        drop(function);

        let counted = self.stage.counted_sync().await?;
        self.measure(Mix::Notified, &counted, keys, keys.len()).await?;
        drop(self.stage.proxy().take_calls());
        self.measure(Mix::Notified, &counted, keys, keys.len()).await?;
        let calls = self.stage.proxy().take_calls();
        let bytes: usize = calls.iter().map(|call| call.request.len() + call.response_bytes).sum();
        let per_key = |total: usize| float(total) / float(keys.len());
        progress.finish_and_clear();
        Ok(Point {
            of,
            count,
            notified,
            too_early,
            dynamodb_calls: per_key(calls.len()),
            dynamodb_bytes: per_key(bytes),
        })
    }

    async fn measure(
        &self,
        mix: Mix,
        function: &ProcessFunction,
        keys: &[BenchKey],
        requests: usize,
    ) -> Result<Latency, BenchError> {
        let load = mix.measure(&self.stage, function, keys, &self.token, (requests, 1)).await?;
        Ok(Latency::new(&mix.to_string(), 1, &load, None))
    }
}

fn float(count: usize) -> f64 {
    if count == 0 { 0.0 } else { each(u64::try_from(count).unwrap_or(u64::MAX)) }
}
