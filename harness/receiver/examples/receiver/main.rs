//! A service that receives and verifies callbacks and keeps the newest state of each key.
//!
//! ```text
//! cargo run -p keysync-receiver --example receiver -- --service cloud-object-storage --public-key whpk_…
//! ```
//!
//! `POST /callbacks` responds with 204, or with an error message and 400 (malformed), 401 (not
//! authentic), 403 (for another service) or 413 (too large). `GET /keys/{id}` returns the state of a
//! key, `GET /effects` the number of callbacks that it acted on. The service is in `service.rs`;
//! `keys.rs` follows the sender's key set, and `connection.rs` limits the resources that untrusted
//! clients can use.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use keysync_receiver::{DEFAULT_TOLERANCE, Verifier};
use tokio::net::TcpListener;

mod connection;
mod keys;
mod service;

use keys::Keys;

/// Minimum time between two fetches of the key set.
const KEY_SET_PAUSE: Duration = Duration::from_secs(30);

/// Time limit for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives keysync's callbacks, prints them, and keeps the newest state of each key.
#[derive(Parser)]
struct Arguments {
    /// The name of this service in CRNs, such as `cloud-object-storage`.
    #[arg(long, env = "KEYSYNC_SERVICE")]
    service: String,
    /// The sender's public key, `whpk_…`; both keys during a key rotation.
    #[arg(long = "public-key", env = "KEYSYNC_PUBLIC_KEYS", value_delimiter = ',')]
    public_keys: Vec<String>,
    /// URL of the sender's key set, in place of public keys. Use `https` except on one machine.
    #[arg(long, value_name = "URL", conflicts_with = "public_keys", required_unless_present = "public_keys")]
    key_set: Option<String>,
    /// Address to listen on; port 0 selects a free one.
    #[arg(long, default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
    /// Maximum difference between a callback's timestamp and this machine's clock, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TOLERANCE.as_secs())]
    tolerance: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { service, public_keys, key_set, listen, tolerance } = arguments;
    let tolerance = Duration::from_secs(tolerance);
    let keys = match key_set {
        Some(url) => Keys::follow(service, url, tolerance, KEY_SET_PAUSE).await?,
        None => Keys::Fixed(Verifier::new(service, public_keys)?.with_tolerance(tolerance)),
    };

    let listener = TcpListener::bind(listen).await?;
    service::print_line(&format!("listening on http://{}/callbacks", listener.local_addr()?));
    connection::serve(listener, service::routes(keys, tolerance, REQUEST_TIMEOUT), REQUEST_TIMEOUT).await;
    Ok(())
}
