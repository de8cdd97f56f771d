//! The journal: every request to the key-management endpoint, IAM and the services, in order. A
//! failed assertion prints the last ones.
//!
//! An entry has method, path and status, and no header or body: those contain tokens and API keys.

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use keysync::{Clock, domain::EpochMillis};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::{assertion::WAIT_TIMEOUT, server};

/// The number of requests that are stored; the oldest are dropped first.
const MAX_EXCHANGES: usize = 10_000;
/// The number of last requests that a failed assertion prints.
const DISPLAYED: usize = 12;

/// The requests of one harness. Clones share them.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    clock: Clock,
    wait_timeout: Duration,
    state: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    exchanges: VecDeque<Exchange>,
    /// The number of dropped exchanges, which is the number of the oldest stored one.
    dropped: usize,
}

/// A request and its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Exchange {
    /// The instant of the request, in epoch ms by the harness's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub at: EpochMillis,
    /// The part that received the request.
    pub to: Part,
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The response's status; null if the connection was cut or there is no response yet.
    pub status: Option<u16>,
    /// The time until the response, in ms; null if there is no response yet.
    pub millis: Option<u64>,
}

/// A part of the harness that receives requests.
///
/// ```
/// assert_eq!(keysync_emulator_support::journal::Part::Endpoint.to_string(), "endpoint");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Part {
    /// The key-management endpoint.
    Endpoint,
    /// IAM.
    Iam,
    /// An associated service.
    Services,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Endpoint => "endpoint",
            Self::Iam => "iam",
            Self::Services => "services",
        })
    }
}

impl Journal {
    /// Creates an empty journal whose timestamps are those of `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with_wait_timeout(clock, WAIT_TIMEOUT)
    }

    /// The same, with the timeout of every wait that prints this journal when it fails.
    #[must_use]
    pub fn with_wait_timeout(clock: Clock, wait_timeout: Duration) -> Self {
        Self(Arc::new(Inner { clock, wait_timeout, state: Mutex::default() }))
    }

    /// The timeout of every wait of the harness, in real time, independent of its clock.
    #[must_use]
    pub fn wait_timeout(&self) -> Duration {
        self.0.wait_timeout
    }

    /// The exchanges until now, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorded().exchanges.iter().cloned().collect()
    }

    /// Removes all exchanges.
    pub fn clear(&self) {
        let mut recorded = self.recorded();
        recorded.dropped += recorded.exchanges.len();
        recorded.exchanges.clear();
    }

    /// Records the exchanges of `router`, which serves `part`.
    pub fn around(&self, part: Part, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state((self.clone(), part), record))
    }

    /// Records a request, and returns its number.
    fn record_request(&self, to: Part, request: &Request) -> usize {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (at, method) = (self.0.clock.now(), request.method().to_string());
        let mut recorded = self.recorded();
        if recorded.exchanges.len() == MAX_EXCHANGES {
            recorded.exchanges.pop_front();
            recorded.dropped += 1;
        }
        recorded.exchanges.push_back(Exchange { at, to, method, path, status: None, millis: None });
        recorded.dropped + recorded.exchanges.len() - 1
    }

    /// Records the response to a request, unless the request has been dropped.
    fn record_response(&self, number: usize, response: &Response, since: Instant) {
        let mut recorded = self.recorded();
        let Some(index) = number.checked_sub(recorded.dropped) else { return };
        if let Some(exchange) = recorded.exchanges.get_mut(index) {
            exchange.status = (!server::is_cut(response)).then(|| response.status().as_u16());
            exchange.millis = u64::try_from(since.elapsed().as_millis()).ok();
        }
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.state.lock()
    }
}

async fn record(State((journal, part)): State<(Journal, Part)>, request: Request, next: Next) -> Response {
    let since = Instant::now();
    let number = journal.record_request(part, &request);
    let response = next.run(request).await;
    journal.record_response(number, &response, since);
    response
}

impl fmt::Display for Journal {
    /// Formats the last requests, one on each line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.recorded();
        if recorded.exchanges.is_empty() {
            return f.write_str("no requests");
        }
        write!(f, "the last requests:")?;
        for exchange in recorded.exchanges.iter().skip(recorded.exchanges.len().saturating_sub(DISPLAYED)) {
            write!(f, "\n  {exchange}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, to, method, path, status, millis } = self;
        write!(f, "{at}  {to:<8}  {method:<6} {path}")?;
        match (status, millis) {
            (Some(status), Some(millis)) => write!(f, "  {status} in {millis} ms"),
            (None, Some(_)) => f.write_str("  connection cut"),
            _ => f.write_str("  no response yet"),
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} requests)", self.recorded().exchanges.len())
    }
}
