//! Requests, so many at once, and how long each took.

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

/// How long each of a number of requests took.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Each request, in nanoseconds.
    pub(super) each: Histogram<u64>,
    /// All of them, from the first to the last.
    pub(super) took: Duration,
}

impl Load {
    /// None yet.
    pub(super) fn new() -> Result<Self, BenchError> {
        Ok(Self { each: Histogram::new(3)?, took: Duration::ZERO })
    }

    /// Adds requests that were made after these.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), BenchError> {
        self.each.add(&other.each)?;
        self.took += other.took;
        Ok(())
    }

    /// How many there are.
    pub(super) fn made(&self) -> usize {
        usize::try_from(self.each.len()).unwrap_or(usize::MAX)
    }

    /// Requests in a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 requests")]
    pub(super) fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.took.as_secs_f64()
    }
}

/// Makes `count` requests, `at_once` of them at any time. `request` makes the one with the given number.
pub(super) async fn run<F>(
    count: usize,
    at_once: usize,
    request: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Load, BenchError>
where
    F: Future<Output = Result<(), BenchError>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..at_once.min(count) {
        let (next, request) = (next.clone(), request.clone());
        callers.spawn(async move {
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
    while let Some(each) = callers.join_next().await {
        load.each.add(each.map_err(BenchError::Panicked)??)?;
    }
    load.took = started.elapsed();
    Ok(load)
}
