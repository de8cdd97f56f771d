//! A service that receives and verifies callbacks and keeps the newest state of each key.
//!
//! ```text
//! cargo run -p keysync-receiver --example receiver -- --service cloud-object-storage --public-key whpk_…
//! ```
//!
//! `POST /callbacks` responds with 204, or with an error message and 400 (malformed), 401 (not
//! authentic), 403 (for another service) or 413 (too large). `GET /keys/{id}` returns the state of
//! a key, and `GET /effects` the ids of the events acted on. The service is in `service.rs`;
//! `connection.rs` limits the resources that untrusted clients can use.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, builder::NonEmptyStringValueParser};
use keysync_receiver::{DEFAULT_TOLERANCE, KeySetVerifier, Verifier};
use reqwest::Url;
use tokio::net::TcpListener;

use service::{Acknowledger, AnyVerifier};

mod connection;
mod fetch;
mod service;

/// Time limit for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives keysync's callbacks, prints them, and keeps the newest state of each key.
#[derive(Parser)]
struct Arguments {
    /// The name of this service in CRNs, such as `cloud-object-storage`.
    #[arg(long, env = "KEYSYNC_SERVICE", value_parser = NonEmptyStringValueParser::new())]
    service: String,
    #[command(flatten)]
    keys: Keys,
    /// Port to listen on; 0 selects a free one.
    #[arg(long, env = "KEYSYNC_PORT", default_value_t = 8071)]
    port: u16,
    /// Address to listen on, in place of `127.0.0.1` and the port.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Maximum difference between a callback's timestamp and this machine's clock, in seconds.
    #[arg(long, env = "KEYSYNC_TOLERANCE", value_name = "SECONDS", default_value_t = DEFAULT_TOLERANCE.as_secs())]
    tolerance: u64,
    /// Minimum time between two fetches of the key set, in seconds.
    #[arg(long, env = "KEYSYNC_KEY_SET_PAUSE", value_name = "SECONDS", default_value_t = 30)]
    key_set_pause: u64,
    /// The key-management endpoint, for acknowledgements.
    #[arg(long, env = "KEYSYNC_ENDPOINT", value_parser = fetch::url, requires = "token")]
    endpoint: Option<Url>,
    /// An IAM access token, for acknowledgements.
    #[arg(long, env = "KEYSYNC_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Where the sender's public keys come from.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Keys {
    /// The sender's public key set.
    #[arg(long, env = "KEYSYNC_KEY_SET_URL", value_name = "URL", value_parser = fetch::url)]
    key_set: Option<Url>,
    /// In place of the URL: the sender's public key, `whpk_…`; both keys during a key rotation.
    #[arg(long = "public-key", env = "KEYSYNC_PUBLIC_KEYS", value_delimiter = ',', hide_env_values = true)]
    public_keys: Vec<String>,
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
    let Arguments { service, keys, port, listen, tolerance, key_set_pause, endpoint, token } = arguments;
    let client = fetch::client()?;
    let tolerance = Duration::from_secs(tolerance);
    let verifier = match keys.key_set {
        None => AnyVerifier::Keys(Verifier::new(service, keys.public_keys)?.with_tolerance(tolerance)),
        Some(url) => {
            let following = KeySetVerifier::new(service, fetch::key_set(url, client.clone()));
            let pause = Duration::from_secs(key_set_pause);
            AnyVerifier::KeySet(following.with_tolerance(tolerance).with_min_pause(pause))
        }
    };
    let acknowledger = endpoint.zip(token).map(|(endpoint, token)| Acknowledger { endpoint, token, client });

    let listener = TcpListener::bind(listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into())).await?;
    service::print_line(&format!("listening on http://{}/callbacks", listener.local_addr()?));
    let routes = service::routes(verifier, acknowledger, REQUEST_TIMEOUT);
    connection::serve(listener, routes, REQUEST_TIMEOUT).await;
    Ok(())
}
