//! When a request is repeated: after a 429, a 5xx or no response, with exponential backoff and full
//! jitter, and never earlier than `retry-after` says.

use std::time::Duration;

use http::StatusCode;
use tokio::{sync::Mutex, time::Instant};

/// The factor between the first and the longest bound of a wait.
const MAX_FACTOR: u32 = 64;

/// How often a request is repeated, and after which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// The maximum number of attempts.
    pub(crate) attempts: u32,
    /// The bound of the wait before the second attempt.
    pub(crate) first_wait: Duration,
}

impl RetryPolicy {
    /// The wait after attempt `attempt`, from 1.
    pub(super) fn wait(self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(MAX_FACTOR).min(MAX_FACTOR);
        let jittered = (self.first_wait * factor).mul_f64(fastrand::f64());
        jittered.max(retry_after.unwrap_or_default())
    }
}

/// Whether another attempt may have another result.
pub(super) fn is_temporary(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Holds back all requests of this process while the endpoint throttles one of them.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Waits until the gate is open.
    pub(super) async fn pass(&self) {
        loop {
            let opens_at = *self.0.lock().await;
            match opens_at {
                Some(at) if at > Instant::now() => tokio::time::sleep_until(at).await,
                _ => return,
            }
        }
    }

    /// Closes the gate for `wait`.
    pub(super) async fn close(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut opens_at = self.0.lock().await;
        *opens_at = Some(opens_at.map_or(until, |at| at.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_doubles_up_to_its_bound() {
        let policy = RetryPolicy { attempts: 100, first_wait: Duration::from_secs(1) };
        for (attempt, bound) in [(1, 1), (2, 2), (3, 4), (7, 64), (40, 64), (100, 64)] {
            let longest = (0..200).map(|_| policy.wait(attempt, None)).max().unwrap();
            let bound = Duration::from_secs(bound);
            assert!(longest <= bound && longest > bound / 2, "{attempt}: {longest:?}");
        }
        assert!(policy.wait(1, Some(Duration::from_mins(5))) >= Duration::from_mins(5));
    }

    #[tokio::test(start_paused = true)]
    async fn gate_holds_until_latest_wait_ends() {
        let (gate, started) = (Gate::default(), Instant::now());
        gate.close(Duration::from_secs(9)).await;
        gate.close(Duration::from_secs(3)).await;
        gate.pass().await;
        assert_eq!(started.elapsed(), Duration::from_secs(9));
    }
}
