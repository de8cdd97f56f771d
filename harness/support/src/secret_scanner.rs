//! Scanner for leaked secrets: compares every log line, response, callback and DynamoDB call of the
//! functions with the secrets that the harness knows. So every test also tests that no secret
//! leaks.
//!
//! After a leak, the harness panics when it is dropped, with the kind of the secret and never its
//! value. Functions in the harness's own process log nothing: only the binaries set up logging
//! (`telemetry::init`).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::HeaderMap,
    middleware::{self, Next},
    response::Response,
};
use parking_lot::{Mutex, MutexGuard};

/// The number of secrets of a kind that are stored; the oldest are dropped first.
const MAX_SECRETS: usize = 1000;
/// The minimum length of a secret, in bytes. Shorter ones occur in other text by chance, and only
/// tests use them.
const MIN_LENGTH: usize = 16;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An API key of a user or service.
    ApiKey,
    /// The key that signs callbacks.
    SigningKey,
    /// The signature of an access token. Header and claims of a token are not secret.
    Token,
    /// The material of a key, or the plaintext that it wraps.
    KeyMaterial,
}

/// A place where no secret may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The log of this function.
    Log(&'static str),
    /// A response of the function URL.
    Response,
    /// A callback to a service.
    Callback,
    /// A call to DynamoDB, and therefore the table.
    Table,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(function) => write!(f, "in the log of `{function}`"),
            Self::Response => f.write_str("in a response"),
            Self::Callback => f.write_str("in a callback"),
            Self::Table => f.write_str("in a call to DynamoDB"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey => "an API key",
            Self::SigningKey => "the signing key",
            Self::Token => "an access token",
            Self::KeyMaterial => "key material",
        })
    }
}

/// The secrets of a harness, and the leaks that were found. Clones share them.
#[derive(Clone, Default)]
pub struct KnownSecrets(Arc<Mutex<Scanned>>);

#[derive(Default)]
struct Scanned {
    known: BTreeMap<Kind, VecDeque<String>>,
    leaks: BTreeSet<(Place, Kind)>,
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSecrets(leaks: {:?})", self.state().leaks)
    }
}

impl KnownSecrets {
    /// Adds a secret to scan for.
    pub fn add(&self, kind: Kind, secret: &str) {
        let mut state = self.state();
        let known = state.known.entry(kind).or_default();
        if secret.len() < MIN_LENGTH || known.iter().any(|other| other == secret) {
            return;
        }
        if known.len() == MAX_SECRETS {
            known.pop_front();
        }
        known.push_back(secret.to_owned());
    }

    /// Adds all signing keys and symmetric secrets that occur in `text`.
    pub fn add_signing_keys(&self, text: &str) {
        for rest in ["whsk_", "whsec_"].into_iter().flat_map(|prefix| text.split(prefix).skip(1)) {
            let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
            let end = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
            self.add(Kind::SigningKey, &rest[..end]);
        }
    }

    /// Scans `text`, which was found at `place`.
    pub fn scan(&self, place: Place, text: &str) {
        let mut state = self.state();
        let Scanned { known, leaks } = &mut *state;
        for (kind, secrets) in known {
            if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                leaks.insert((place, *kind));
            }
        }
    }

    /// `text` with `mask` in place of each secret of the kinds that `is_masked`.
    #[must_use]
    pub fn masked(&self, text: &str, mask: &str, is_masked: impl Fn(Kind) -> bool) -> String {
        let state = self.state();
        let secrets = state.known.iter().filter(|(kind, _)| is_masked(**kind)).flat_map(|(_, known)| known);
        secrets.fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), mask) } else { text }
        })
    }

    /// Scans the responses of `router`.
    pub fn scan_responses(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), scan_response))
    }

    /// Scans the requests to `router`, which receives callbacks.
    pub fn scan_callbacks(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), scan_callback))
    }

    fn scan_message(&self, place: Place, headers: &HeaderMap, body: &[u8]) {
        for value in headers.values() {
            self.scan(place, &String::from_utf8_lossy(value.as_bytes()));
        }
        self.scan(place, &String::from_utf8_lossy(body));
    }

    /// A description of the leaks; `None` without a leak.
    #[must_use]
    pub fn leaked(&self) -> Option<String> {
        let state = self.state();
        let leaks = state.leaks.iter().map(|(place, kind)| format!("{kind} is {place}"));
        Some(leaks.collect::<Vec<_>>().join("; ")).filter(|leaks| !leaks.is_empty())
    }

    fn state(&self) -> MutexGuard<'_, Scanned> {
        self.0.lock()
    }
}

async fn scan_response(State(secrets): State<KnownSecrets>, request: Request, next: Next) -> Response {
    let (head, body) = next.run(request).await.into_parts();
    let body = read_all(body).await;
    secrets.scan_message(Place::Response, &head.headers, &body);
    Response::from_parts(head, Body::from(body))
}

async fn scan_callback(State(secrets): State<KnownSecrets>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = read_all(body).await;
    secrets.scan_message(Place::Callback, &head.headers, &body);
    next.run(Request::from_parts(head, Body::from(body))).await
}

/// The complete body; empty if it is truncated.
async fn read_all(body: Body) -> Bytes {
    to_bytes(body, usize::MAX).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "c2VjcmV0IHNlZWQgb2YgMzIgYnl0ZXMgb3Igc28uLi4=";

    #[test]
    fn finds_each_kind_of_secret_anywhere() {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::ApiKey, "an-api-key-of-this-test");
        secrets.add(Kind::Token, "c2lnbmF0dXJlIG9mIGEgdG9rZW4");
        secrets.add(Kind::KeyMaterial, "bWF0ZXJpYWwgb2YgYSBrZXk=");
        secrets.add_signing_keys(&format!(r#"["whsk_{SEED}","whsk_another+key/of+32/bytes="]"#));
        secrets.scan(Place::Log("sync"), "nothing; c2lnbmF0dXJlIG9mIGEgdG9rZW, eyJhbGciOi.eyJzdWIiOi");
        assert_eq!(secrets.leaked(), None);
        for (line, kind) in [
            (r#"{"authorization":"Bearer eyJh.eyJz.c2lnbmF0dXJlIG9mIGEgdG9rZW4"}"#, "an access token"),
            ("apikey=an-api-key-of-this-test&x", "an API key"),
            (&format!("seed {SEED}"), "the signing key"),
            ("another+key/of+32/bytes=", "the signing key"),
            ("xbWF0ZXJpYWwgb2YgYSBrZXk=x", "key material"),
        ] {
            secrets.scan(Place::Log("sync"), line);
            let leaked = secrets.leaked().unwrap();
            assert_eq!(leaked, format!("{kind} is in the log of `sync`"), "{line}");
            secrets.state().leaks.clear();
        }
    }

    #[test]
    fn ignores_short_and_dropped_secrets() {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::KeyMaterial, "AAAA");
        for n in 0..=MAX_SECRETS {
            secrets.add(Kind::Token, &format!("the signature of token {n}."));
        }
        secrets.scan(Place::Log("sync"), "AAAA; the signature of token 0.");
        assert_eq!(secrets.leaked(), None);
        secrets.scan(Place::Log("sync"), "the signature of token 1.");
        assert!(secrets.leaked().is_some());
    }
}
