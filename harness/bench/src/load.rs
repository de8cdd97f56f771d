//! A load of concurrent requests, and their durations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::BenchError;

/// Durations of a number of requests.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Duration of each request, in nanoseconds.
    pub(super) each: Histogram<u64>,
    /// Total duration.
    pub(super) took: Duration,
}

impl Load {
    /// An empty load.
    pub(super) fn new() -> Result<Self, BenchError> {
        Ok(Self { each: Histogram::new(3)?, took: Duration::ZERO })
    }

    /// Adds requests that were made afterwards.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), BenchError> {
        self.each.add(&other.each)?;
        self.took += other.took;
        Ok(())
    }

    /// Number of requests.
    pub(super) fn count(&self) -> usize {
        usize::try_from(self.each.len()).unwrap_or(usize::MAX)
    }

    /// Requests per second.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 requests")]
    pub(super) fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.took.as_secs_f64()
    }
}

/// Makes `count` requests, `at_once` of them concurrently. `request` makes the one with the given
/// number.
pub(super) async fn run<F>(
    count: usize,
    at_once: usize,
    request: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Load, BenchError>
where
    F: Future<Output = Result<(), BenchError>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    let started = Instant::now();
    for _ in 0..at_once.min(count) {
        let (next, request) = (next.clone(), request.clone());
        clients.spawn(async move {
            let mut each = Histogram::<u64>::new(3)?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok::<_, BenchError>(each);
                }
                let since = Instant::now();
                request(n).await?;
                each.record(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX))?;
            }
        });
    }
    let mut load = Load::new()?;
    while let Some(each) = clients.join_next().await {
        load.each.add(each.map_err(BenchError::Panicked)??)?;
    }
    load.took = started.elapsed();
    Ok(load)
}
