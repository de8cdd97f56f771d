//! A service that receives callbacks: verifies them, and keeps the newest state of each key.
//!
//! ```text
//! cargo run -p keysync-receiver --example receiver -- --public-key whpk_…
//! ```
//!
//! `POST /callbacks` takes a callback: 204, or the reason with 400 (malformed), 401 (not believed) or 413 (too large).
//! `GET /keys/{id}` says what is known of a key. What it does is in `service.rs`; `connection.rs` bounds what strangers can take
//! from it.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use keysync_receiver::{DEFAULT_TOLERANCE, Verifier};
use tokio::net::TcpListener;

mod connection;
mod service;

/// How long a client has for a request.
const WITHIN: Duration = Duration::from_secs(10);

/// Receives keysync's callbacks, prints what they say, and keeps the newest state of each key.
#[derive(Parser)]
struct Arguments {
    /// The sender's public key, `whpk_…`; several while the sender changes its key.
    #[arg(long = "public-key", env = "KEYSYNC_PUBLIC_KEYS", value_delimiter = ',', required = true)]
    public_keys: Vec<String>,
    /// Where to listen; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
    /// How far a callback's timestamp may be from this machine's clock, in seconds.
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
    let Arguments { public_keys, listen, tolerance } = arguments;
    let verifier = Verifier::new(public_keys)?.with_tolerance(Duration::from_secs(tolerance));

    let listener = TcpListener::bind(listen).await?;
    service::say(&format!("listening on http://{}/callbacks", listener.local_addr()?));
    connection::serve(listener, service::routes(verifier, WITHIN), WITHIN).await;
    Ok(())
}
