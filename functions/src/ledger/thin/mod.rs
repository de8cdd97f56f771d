//! The thin client: one attempt of an `UpdateItem`, without the layers of the SDK.
//!
//! It makes the first attempt of a claim and of a confirmation, and decides nothing but the clear
//! outcomes: written, or condition failed. The SDK makes every other attempt. So retries,
//! throttling, expired credentials, clock skew and error messages are the SDK's alone, and a second
//! attempt is the same as after a lost response, for which every write of the ledger is made.
//!
//! ```text
//!   template? ──no──▶ let the SDK build and sign a request, and keep it from being sent
//!      │
//!      ▼
//!   body, signature, send ──written, condition failed──▶ outcome
//!      │
//!      └─ anything else ──▶ suspended until an update through the SDK succeeds; the SDK makes the
//!                           remaining attempts, in the remaining time
//! ```
//!
//! Credentials, region, endpoint, connection pool and corrected time come from the SDK
//! (`template.rs`).

mod request;
mod response;
mod signature;
mod template;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::Client;
use tokio::time::{Instant, timeout};

use self::{
    request::Body,
    response::{Response, Undecided},
    template::Template,
};
use super::{CALL_LIMITS, item::KeyRecord, update::Update};

/// The maximum random wait before the SDK's attempt, after an attempt that was throttled
/// (`docs/reference/limits.md#thin-client`).
const WAIT_IF_THROTTLED: Duration = Duration::from_secs(1);
/// The same after any other attempt without a clear outcome.
const WAIT: Duration = Duration::from_millis(50);

/// The minimum suspension after the second of consecutive attempts without a clear outcome. It
/// doubles with each further one, up to the maximum. After the first one, there is none: it ends
/// with the next success of the SDK.
const MIN_SUSPENSION: Duration = Duration::from_secs(1);
const MAX_SUSPENSION: Duration = Duration::from_mins(5);

/// The thin client of a table. Clones share its state.
#[derive(Clone, Default)]
pub(super) struct Thin(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    phase: Phase,
    /// The number of consecutive attempts without a clear outcome.
    failures: u32,
}

#[derive(Default)]
enum Phase {
    /// The next update makes a template.
    #[default]
    NoTemplate,
    Ready(Arc<Template>),
    /// The last attempt had no clear outcome, or there can be no template. An outage, throttling or
    /// an expired token concerns the next attempts, too, and the SDK limits how often it retries.
    Suspended {
        since: Instant,
    },
}

impl State {
    fn suspend(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Suspended { since: Instant::now() };
    }

    /// The minimum duration of a suspension.
    fn suspension(&self) -> Duration {
        match self.failures.checked_sub(2) {
            None => Duration::ZERO,
            Some(further) => MIN_SUSPENSION.saturating_mul(1 << further.min(16)).min(MAX_SUSPENSION),
        }
    }
}

/// The result of an attempt.
pub(super) enum Attempt {
    /// The update was written. The key after it, if it was requested.
    Written(Option<Box<KeyRecord>>),
    /// The condition failed. The unchanged key, if it exists and was requested.
    ConditionFailed(Option<Box<KeyRecord>>),
    /// No request was sent.
    NotSent,
    /// The request may have been applied. The next attempt is due after `wait`.
    Undecided {
        /// The time until the next attempt.
        wait: Duration,
    },
}

impl fmt::Debug for Thin {
    /// The state has credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thin").finish_non_exhaustive()
    }
}

impl Thin {
    /// Makes one attempt of `update` on the item with the partition key `pk` of `table`. `sdk` is
    /// the client that makes the others.
    pub(super) async fn attempt(&self, sdk: &Client, table: &str, pk: &str, update: &Update<'_>) -> Attempt {
        let Some(template) = self.template(sdk, table).await else { return Attempt::NotSent };
        let Some(body) = Body::of(table, pk, update).to_json() else { return Attempt::NotSent };
        let response = async {
            let Some(request) = template.request(body).await else {
                return Err(Undecided::NoCredentials);
            };
            Response::receive(template.send(request).await)
        };
        let result = timeout(CALL_LIMITS.attempt_timeout, response).await.unwrap_or(Err(Undecided::TimedOut));
        match result {
            Ok(response) => {
                self.state().failures = 0;
                match response {
                    Response::Written(key) => Attempt::Written(key),
                    Response::ConditionFailed(key) => Attempt::ConditionFailed(key),
                }
            }
            Err(undecided) => {
                self.state().suspend();
                tracing::debug!(reason = undecided.as_str(), "the SDK repeats an update of the thin client");
                Attempt::Undecided { wait: undecided.wait() }
            }
        }
    }

    /// Ends a suspension that has lasted long enough, after an update through the SDK succeeded.
    /// The next template has what the SDK corrected meanwhile.
    pub(super) fn resume(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Suspended { since } if since.elapsed() >= state.suspension()) {
            state.phase = Phase::NoTemplate;
        }
    }

    /// The template, which is made first if there is none.
    async fn template(&self, sdk: &Client, table: &str) -> Option<Arc<Template>> {
        match &self.state().phase {
            Phase::NoTemplate => {}
            Phase::Ready(template) => return Some(template.clone()),
            Phase::Suspended { .. } => return None,
        }
        // Concurrent updates may each make one; they are alike.
        let template = Template::make(sdk, table).await.map(Arc::new);
        match &template {
            Some(template) => self.state().phase = Phase::Ready(template.clone()),
            None => self.state().suspend(),
        }
        template
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
