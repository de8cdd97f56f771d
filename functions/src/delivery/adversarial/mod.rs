//! Attacks on the callback client: malicious receivers, and host names that an attacker controls.

mod addresses;
mod responses;
mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::{
    AddressPolicy,
    client::{self, Delivery},
    guarded,
    signature::Signed,
};
use crate::{
    http_client::{HttpClient, Resolve, SystemResolver},
    trace_context::TraceContext,
};

/// The timeout of attempts that are not expected to time out.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A resolver under the control of an attacker: the results of the first lookup, the second, and so
/// on. The last results are repeated.
#[derive(Clone, Debug)]
struct MaliciousResolver {
    results: Vec<Vec<IpAddr>>,
    lookups: Arc<AtomicUsize>,
}

impl MaliciousResolver {
    /// Every name resolves to this address.
    fn always(address: IpAddr) -> Self {
        Self::with_results(vec![vec![address]])
    }

    fn with_results(results: Vec<Vec<IpAddr>>) -> Self {
        Self { results, lookups: Arc::default() }
    }

    /// The number of lookups.
    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Resolve for MaliciousResolver {
    fn resolve(self: Arc<Self>, _: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let nth = self.lookups.fetch_add(1, Ordering::SeqCst).min(self.results.len() - 1);
        let addresses = self.results[nth].iter().map(|address| SocketAddr::new(*address, 0)).collect();
        Box::pin(async { Ok(addresses) })
    }
}

/// The callback client, which resolves names with `resolver`.
fn callback_client(policy: AddressPolicy, resolver: impl Resolve + 'static) -> HttpClient {
    HttpClient::connecting(|pool| guarded(pool, policy, resolver))
}

/// The result of an attempt to deliver a callback.
async fn call(http: &HttpClient, url: &str, timeout: Duration) -> Delivery {
    let signed = Signed {
        id: "claim:service".to_owned(),
        timestamp: 1_700_000_000,
        signature: "v1a,c2ln".to_owned(),
        body: b"{}".to_vec(),
    };
    client::attempt(http, &url.parse().unwrap(), signed, &TraceContext::from_xray(None), timeout).await
}

/// The reason of a failed attempt.
fn reason(delivery: &Delivery) -> &str {
    delivery.reason().unwrap_or_else(|| panic!("{delivery:?}"))
}
