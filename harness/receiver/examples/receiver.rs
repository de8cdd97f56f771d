//! A service that receives callbacks: verifies them, and keeps the newest state of each key.
//!
//! ```text
//! cargo run -p keysync-receiver --example receiver -- --public-key whpk_…
//! ```
//!
//! `POST /callbacks` takes a callback: 204, or 401 or 400 with the reason. `GET /keys/{id}` says what is known of a key.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use keysync_receiver::{KeyState, Latest, Order, ReplayGuard, Seen, Verifier};
use tokio::net::TcpListener;

/// Receives keysync's callbacks, prints what they say, and keeps the newest state of each key.
#[derive(Parser)]
struct Arguments {
    /// The sender's public key, `whpk_…`; several while the sender changes its key.
    #[arg(long = "public-key", env = "KEYSYNC_PUBLIC_KEYS", value_delimiter = ',', required = true)]
    public_keys: Vec<String>,
    /// Where to listen; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
}

/// What the service knows. A real one keeps the states in its database, each with its sequence.
#[derive(Clone)]
struct Service {
    verifier: Verifier,
    known: Arc<Mutex<Known>>,
}

struct Known {
    guard: ReplayGuard,
    states: Latest<KeyState>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { public_keys, listen } = Arguments::parse();
    let verifier = Verifier::new(public_keys)?;
    let guard = ReplayGuard::for_tolerance(verifier.tolerance());
    let known = Arc::new(Mutex::new(Known { guard, states: Latest::new() }));
    let routes = Router::new()
        .route("/callbacks", post(callback))
        .route("/keys/{id}", get(key))
        .with_state(Service { verifier, known });

    let listener = TcpListener::bind(listen).await?;
    say(&format!("listening on http://{}/callbacks", listener.local_addr()?));
    axum::serve(listener, routes).await?;
    Ok(())
}

/// Takes a callback. `Bytes` is the body as it came: `Json` would parse it, and the signature is over the bytes.
async fn callback(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let now = now();
    let told = match service.verifier.verify(&headers, &body, now) {
        Ok(told) => told,
        Err(why) => {
            say(&format!("rejected: {why}"));
            return (why.status(), why.to_string()).into_response();
        }
    };
    let what = format!("key {} state {:?} sequence {}", told.key_id, told.key_state, told.sequence);
    let mut known = service.known.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = match known.guard.see(&told.event_id, now) {
        Seen::Repeated => "repeated",
        // Here a real service closes or opens its resources by the state. Should that fail: `guard.forget`, and 503.
        Seen::New => match known.states.offer(&told.key_id, told.sequence, told.key_state) {
            Order::Newer => "acted",
            Order::Repeated => "repeated",
            Order::Stale => "stale",
        },
    };
    say(&format!("{verdict}: {what}"));
    StatusCode::NO_CONTENT.into_response()
}

/// What is known of a key.
async fn key(State(service): State<Service>, Path(id): Path<String>) -> Response {
    let known = service.known.lock().unwrap_or_else(PoisonError::into_inner);
    match known.states.get(&id) {
        Some(state) => Json(state.number()).into_response(),
        None => (StatusCode::NOT_FOUND, format!("nothing was told of the key `{id}`")).into_response(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the crate takes the time as a value; this is where it comes from"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Prints a line. A reader that has gone away is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
