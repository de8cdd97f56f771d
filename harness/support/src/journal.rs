//! What the harness was asked: every request to the endpoint, to IAM and to the services, in order. It is
//! what an assertion that fails shows beside what it expected.
//!
//! Kept are method, path and status, never a header or a body: those hold tokens and API keys.

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use keysync::{Clock, domain::EpochMillis};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::server;

/// How many requests are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 10_000;
/// How many of the last ones an assertion that fails shows.
const SHOWN: usize = 12;

/// The requests of one harness. Clones are the same journal.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    exchanges: VecDeque<Exchange>,
    /// How many were forgotten: the number of the oldest that is remembered.
    forgotten: usize,
}

/// A request, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exchange {
    /// When it came, in epoch ms by the harness's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub at: EpochMillis,
    /// Who was asked.
    pub to: Part,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// The answer's status; none where the connection was cut, or there is no answer yet.
    pub status: Option<u16>,
    /// How long the answer took, in ms.
    pub millis: Option<u64>,
}

/// A part of the harness that is asked something.
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
    /// An empty journal whose timestamps are those of `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::default() }))
    }

    /// What was asked so far, oldest first.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorded().exchanges.iter().cloned().collect()
    }

    /// Removes all exchanges.
    pub fn clear(&self) {
        let mut recorded = self.recorded();
        recorded.forgotten += recorded.exchanges.len();
        recorded.exchanges.clear();
    }

    /// Records what passes through `router`, which is `part`.
    pub fn around(&self, part: Part, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state((self.clone(), part), record))
    }

    /// Takes down a request that has just come, and returns its number.
    fn asked(&self, to: Part, request: &Request) -> usize {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (at, method) = (self.0.clock.now(), request.method().to_string());
        let mut recorded = self.recorded();
        if recorded.exchanges.len() == REMEMBERED {
            recorded.exchanges.pop_front();
            recorded.forgotten += 1;
        }
        recorded.exchanges.push_back(Exchange { at, to, method, path, status: None, millis: None });
        recorded.forgotten + recorded.exchanges.len() - 1
    }

    fn answered(&self, number: usize, response: &Response, since: Instant) {
        let mut recorded = self.recorded();
        let Some(index) = number.checked_sub(recorded.forgotten) else { return };
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
    let number = journal.asked(part, &request);
    let response = next.run(request).await;
    journal.answered(number, &response, since);
    response
}

impl fmt::Display for Journal {
    /// The last dozen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.recorded();
        if recorded.exchanges.is_empty() {
            return f.write_str("no request came");
        }
        write!(f, "the last requests:")?;
        for exchange in recorded.exchanges.iter().skip(recorded.exchanges.len().saturating_sub(SHOWN)) {
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
            _ => f.write_str("  no answer yet"),
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} requests)", self.recorded().exchanges.len())
    }
}
