//! The associated services, in the place of the network: each responds as its script says.

use std::sync::{
    Arc, LazyLock, Mutex,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Response;
use keysync::{
    clock::Clock,
    domain::EpochMillis,
    http_client::{HttpClient, Request, SendError, Transport},
};
use keysync_model::state::SERVICES;
use serde_json::Value;

use crate::mapping::NAMES;

/// How a service responds to a callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// 204.
    #[default]
    Accepts,
    /// 410.
    Refuses,
    /// 503.
    Fails,
    /// 429 with `retry-after`.
    AsksToWait,
    /// The connection ends without a response.
    Breaks,
    /// No response in time.
    TimesOut,
    /// It is not called: an operator has paused it.
    Paused,
}

/// The services, and the clock of the process that calls them.
#[derive(Debug)]
pub(crate) struct Services {
    behaviours: [Behaviour; SERVICES],
    /// The clock reading, and the one from the first response on.
    clock: Arc<AtomicU64>,
    then: EpochMillis,
    /// The callbacks, as (service, sequence of its event).
    called: Mutex<Vec<(usize, u64)>>,
}

/// A client without connections, which all others share: building one takes milliseconds.
static HTTP: LazyLock<HttpClient> = LazyLock::new(HttpClient::new);

impl Services {
    pub(crate) fn new(behaviours: [Behaviour; SERVICES], now: EpochMillis, then: EpochMillis) -> Arc<Self> {
        Arc::new(Self {
            behaviours,
            clock: Arc::new(AtomicU64::new(now.get())),
            then,
            called: Mutex::default(),
        })
    }

    pub(crate) fn client(self: &Arc<Self>) -> HttpClient {
        let services: Arc<dyn Transport> = self.clone();
        HTTP.clone().with_transport(services)
    }

    pub(crate) fn clock(&self) -> Clock {
        let clock = self.clock.clone();
        Clock::from_fn(move || EpochMillis::new(clock.load(Ordering::Relaxed)))
    }

    /// The callbacks so far. A broken connection is tried twice, and counts once.
    pub(crate) fn called(&self) -> Vec<(usize, u64)> {
        let mut called = self.called.lock().unwrap().clone();
        called.dedup();
        called
    }

    fn respond(&self, service: usize, event: &Value) -> Result<Response<Bytes>, SendError> {
        let sequence = event["sequence"].as_str().unwrap().parse().unwrap();
        self.called.lock().unwrap().push((service, sequence));
        self.clock.store(self.then.get(), Ordering::Relaxed);
        match self.behaviours[service] {
            Behaviour::Accepts => Ok(response(204, None)),
            Behaviour::Refuses => Ok(response(410, None)),
            Behaviour::Fails => Ok(response(503, None)),
            Behaviour::AsksToWait => Ok(response(429, Some(600))),
            Behaviour::Breaks => Err(SendError::ConnectionBroken("connection reset".to_owned())),
            Behaviour::TimesOut => Err(SendError::TimedOut),
            Behaviour::Paused => panic!("{} is paused, and was called", NAMES[service]),
        }
    }
}

impl Transport for Services {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response<Bytes>, SendError>> {
        let host = request.uri().host().unwrap();
        let service = NAMES.iter().position(|name| host.starts_with(name)).unwrap();
        let result = self.respond(service, &serde_json::from_slice(request.bytes()).unwrap());
        Box::pin(async { result })
    }
}

fn response(status: u16, retry_after: Option<u64>) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Bytes::new()).unwrap()
}
