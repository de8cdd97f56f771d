//! The journal: every request to the key-management endpoint, IAM and the services, in order. A
//! failed assertion prints the last ones.
//!
//! An entry has the headers and the body of request and response. Secrets in them are masked,
//! unless they are asked for.

mod capture;
mod filter;
mod mask;
mod read;
mod stored;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, request::Parts},
    middleware::{self, Next},
    response::Response,
};
use keysync::{Clock, domain::EpochMillis};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::{assertion::WAIT_TIMEOUT, secret_scanner::KnownSecrets, server};
use capture::Copied;
pub use capture::MAX_BODY_BYTES;
pub use filter::{HeaderFilter, Newest, RequestFilter};

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
    secrets: KnownSecrets,
    state: Mutex<Recorded>,
    /// The number of the next step.
    steps: AtomicU64,
}

#[derive(Default)]
struct Recorded {
    exchanges: VecDeque<Entry>,
    /// The number of dropped exchanges, which is the number of the oldest stored one.
    dropped: usize,
}

impl Recorded {
    fn entry(&mut self, number: usize) -> Option<&mut Entry> {
        self.exchanges.get_mut(number.checked_sub(self.dropped)?)
    }

    /// Adds an exchange, and returns its number. Drops the oldest one if there are too many.
    fn push(&mut self, mut entry: Entry) -> usize {
        if self.exchanges.len() == MAX_EXCHANGES {
            self.exchanges.pop_front();
            self.dropped += 1;
        }
        let number = self.dropped + self.exchanges.len();
        entry.outline.number = number;
        self.exchanges.push_back(entry);
        number
    }
}

/// A request and its response, as they are stored.
struct Entry {
    /// All but headers and bodies.
    outline: Exchange,
    request: Stored,
    response: Option<Stored>,
}

/// The headers and the body of a message.
struct Stored {
    headers: HeaderMap,
    body: Copied,
}

/// A request and its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Exchange {
    /// The number of the request: each one has the next number, also after the journal was cleared.
    pub number: usize,
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
    /// The headers and the body of the request.
    pub request: Message,
    /// Those of the response; null if there is no response yet.
    pub response: Option<Message>,
}

/// The headers and the body of a request or response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Message {
    /// The headers. The values of a repeated header are joined with `, `.
    #[serde(deserialize_with = "stored::headers")]
    pub headers: BTreeMap<String, String>,
    /// The first 16 KiB of the body, as far as its receiver has read it. U+FFFD replaces bytes that
    /// are not UTF-8.
    pub body: String,
    /// The length of the complete body, in bytes.
    pub body_bytes: usize,
}

impl Message {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

/// A part of the harness that receives requests.
///
/// ```
/// assert_eq!(keysync_emulator_support::journal::Part::Endpoint.to_string(), "endpoint");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        Self::of(clock, KnownSecrets::default(), WAIT_TIMEOUT)
    }

    /// The same, which masks `secrets`, with the timeout of every wait that prints this journal
    /// when it fails.
    #[must_use]
    pub fn of(clock: Clock, secrets: KnownSecrets, wait_timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            clock,
            wait_timeout,
            secrets,
            state: Mutex::default(),
            steps: AtomicU64::default(),
        }))
    }

    /// The timeout of every wait of the harness, in real time, independent of its clock.
    #[must_use]
    pub fn wait_timeout(&self) -> Duration {
        self.0.wait_timeout
    }

    /// A number that is higher than all before: the order of steps in different parts.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.0.steps.fetch_add(1, Ordering::Relaxed)
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
    fn record_request(&self, to: Part, head: &Parts, body: Copied) -> usize {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (at, method) = (self.0.clock.now(), head.method.to_string());
        let (status, millis, request, response) = (None, None, Message::default(), None);
        let outline = Exchange { number: 0, at, to, method, path, status, millis, request, response };
        let request = Stored { headers: head.headers.clone(), body };
        self.recorded().push(Entry { outline, request, response: None })
    }

    /// Records the response to a request, unless the request has been dropped, and returns it.
    fn record_response(&self, number: usize, response: Response, since: Instant) -> Response {
        let mut recorded = self.recorded();
        let Some(entry) = recorded.entry(number) else { return response };
        entry.outline.millis = u64::try_from(since.elapsed().as_millis()).ok();
        if server::is_cut(&response) {
            return response;
        }
        entry.outline.status = Some(response.status().as_u16());
        let (head, body) = response.into_parts();
        let copy = Copied::default();
        entry.response = Some(Stored { headers: head.headers.clone(), body: copy.clone() });
        Response::from_parts(head, copy.around(body))
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.state.lock()
    }
}

async fn record(State((journal, part)): State<(Journal, Part)>, request: Request, next: Next) -> Response {
    let since = Instant::now();
    let (head, body) = request.into_parts();
    let copy = Copied::default();
    let number = journal.record_request(part, &head, copy.clone());
    let response = next.run(Request::from_parts(head, copy.around(body))).await;
    journal.record_response(number, response, since)
}

impl fmt::Display for Journal {
    /// Formats the last requests, one on each line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recorded = self.recorded();
        if recorded.exchanges.is_empty() {
            return f.write_str("no requests");
        }
        write!(f, "the last requests:")?;
        for entry in recorded.exchanges.iter().skip(recorded.exchanges.len().saturating_sub(DISPLAYED)) {
            write!(f, "\n  {}", entry.outline)?;
        }
        Ok(())
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, to, method, path, status, millis, .. } = self;
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
