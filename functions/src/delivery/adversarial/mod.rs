//! Callbacks to services that mean harm, or whose names somebody else controls, by the client that makes them all.

mod addresses;
mod answers;
mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
};

use super::{
    client::{self, Delivery},
    signature::Signed,
};
use crate::trace_context::TraceContext;

/// Long enough for everything that is not meant to run into it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Names in the hand of an attacker: what the first look-up finds, the second, and every one from then on.
#[derive(Clone, Debug)]
struct Names {
    answers: Vec<Vec<IpAddr>>,
    audited: Arc<AtomicUsize>,
}

impl Names {
    /// Every name stands for this address.
    fn all(address: IpAddr) -> Self {
        Self::answering(vec![vec![address]])
    }

    fn answering(answers: Vec<Vec<IpAddr>>) -> Self {
        Self { answers, audited: Arc::default() }
    }

    /// How many look-ups there were.
    fn audited(&self) -> usize {
        self.audited.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        let nth = self.audited.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let found: Vec<_> = self.answers[nth].iter().map(|address| SocketAddr::new(*address, 0)).collect();
        Box::pin(async { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

/// What comes of a callback.
async fn call(http: &Client, url: &str, timeout: Duration) -> Delivery {
    let signed = Signed {
        id: "claim:service".to_owned(),
        timestamp: 1_700_000_000,
        signature: "v1a,c2ln".to_owned(),
        body: b"{}".to_vec(),
    };
    client::attempt(http, &url.parse().unwrap(), signed, &TraceContext::of_xray(None), timeout).await
}

/// Why it failed.
fn reason(delivery: &Delivery) -> &str {
    delivery.reason().unwrap_or_else(|| panic!("{delivery:?}"))
}
