//! No function tells a secret: each line that one prints is compared with every secret that the harness
//! knows, as it comes. So every test is a test of this, whatever else it is about.
//!
//! A leak is the panic of the harness that is dropped, with the kind of the secret and never its value.
//! Functions in the harness's own process print nothing: what would, the binaries set up (`telemetry::init`).

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

/// How many secrets of a kind are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 1000;
/// Shorter ones stand in innocent lines by chance, and are nobody's secret but a test's.
const SHORTEST: usize = 16;

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody's API key.
    ApiKey,
    /// The key that signs callbacks.
    SigningKey,
    /// An access token. Its signature is what makes it one; the rest says who somebody is.
    Token,
    /// The material of a key, or what it wraps.
    KeyMaterial,
}

/// Where a secret has no business to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In what this function prints.
    Log(&'static str),
    /// In what the function URL answers.
    Answer,
    /// In what a service is told.
    Callback,
    /// In what is asked of DynamoDB, and so in the table.
    Table,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(function) => write!(f, "in the log of `{function}`"),
            Self::Answer => f.write_str("in an answer"),
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

/// The secrets of a harness, and which of them were told. Clones are the same ones.
#[derive(Clone, Default)]
pub struct KnownSecrets(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    known: BTreeMap<Kind, VecDeque<String>>,
    told: BTreeSet<(Place, Kind)>,
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownSecrets(told: {:?})", self.state().told)
    }
}

impl KnownSecrets {
    /// Knows this one from now on.
    pub fn add(&self, kind: Kind, secret: &str) {
        let mut state = self.state();
        let known = state.known.entry(kind).or_default();
        if secret.len() < SHORTEST || known.iter().any(|other| other == secret) {
            return;
        }
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(secret.to_owned());
    }

    /// Knows the signing keys that stand in `text`, wherever they do.
    pub fn add_signing_keys(&self, text: &str) {
        for rest in text.split("whsk_").skip(1) {
            let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
            let end = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
            self.add(Kind::SigningKey, &rest[..end]);
        }
    }

    /// Looks through what was found at `place`.
    pub fn look_through(&self, place: Place, text: &str) {
        let mut state = self.state();
        let Found { known, told } = &mut *state;
        for (kind, secrets) in known {
            if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                told.insert((place, *kind));
            }
        }
    }

    /// Looks through what `router` answers.
    pub fn look_through_answers(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), answered))
    }

    /// Looks through what `router` is asked, which is where callbacks go.
    pub fn look_through_callbacks(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), called_back))
    }

    fn look_through_message(&self, place: Place, headers: &HeaderMap, body: &[u8]) {
        for value in headers.values() {
            self.look_through(place, &String::from_utf8_lossy(value.as_bytes()));
        }
        self.look_through(place, &String::from_utf8_lossy(body));
    }

    /// Which secrets were told where, in words; `None` where none was.
    #[must_use]
    pub fn leaked(&self) -> Option<String> {
        let state = self.state();
        let told = state.told.iter().map(|(place, kind)| format!("{kind} is {place}"));
        Some(told.collect::<Vec<_>>().join("; ")).filter(|told| !told.is_empty())
    }

    fn state(&self) -> MutexGuard<'_, Found> {
        self.0.lock()
    }
}

async fn answered(State(secrets): State<KnownSecrets>, request: Request, next: Next) -> Response {
    let (head, body) = next.run(request).await.into_parts();
    let body = whole(body).await;
    secrets.look_through_message(Place::Answer, &head.headers, &body);
    Response::from_parts(head, Body::from(body))
}

async fn called_back(State(secrets): State<KnownSecrets>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = whole(body).await;
    secrets.look_through_message(Place::Callback, &head.headers, &body);
    next.run(Request::from_parts(head, Body::from(body))).await
}

/// A body that breaks off is empty.
async fn whole(body: Body) -> Bytes {
    to_bytes(body, usize::MAX).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "c2VjcmV0IHNlZWQgb2YgMzIgYnl0ZXMgb3Igc28uLi4=";

    #[test]
    fn each_kind_is_known_wherever_it_stands() {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::ApiKey, "an-api-key-that-was-made-up");
        secrets.add(Kind::Token, "c2lnbmF0dXJlIG9mIGEgdG9rZW4");
        secrets.add(Kind::KeyMaterial, "bWF0ZXJpYWwgb2YgYSBrZXk=");
        secrets.add_signing_keys(&format!(r#"["whsk_{SEED}","whsk_another+key/of+32/bytes="]"#));
        secrets
            .look_through(Place::Log("sync"), "nothing; c2lnbmF0dXJlIG9mIGEgdG9rZW, eyJhbGciOi.eyJzdWIiOi");
        assert_eq!(secrets.leaked(), None);
        for (line, said) in [
            (r#"{"authorization":"Bearer eyJh.eyJz.c2lnbmF0dXJlIG9mIGEgdG9rZW4"}"#, "an access token"),
            ("apikey=an-api-key-that-was-made-up&x", "an API key"),
            (&format!("seed {SEED}"), "the signing key"),
            ("another+key/of+32/bytes=", "the signing key"),
            ("xbWF0ZXJpYWwgb2YgYSBrZXk=x", "key material"),
        ] {
            secrets.look_through(Place::Log("sync"), line);
            let told = secrets.leaked().unwrap();
            assert_eq!(told, format!("{said} is in the log of `sync`"), "of {line}, and never the value");
            secrets.state().told.clear();
        }
    }

    #[test]
    fn what_anybody_could_print_is_no_secret_and_memory_has_an_end() {
        let secrets = KnownSecrets::default();
        secrets.add(Kind::KeyMaterial, "AAAA");
        for n in 0..=REMEMBERED {
            secrets.add(Kind::Token, &format!("the signature of token {n}."));
        }
        secrets.look_through(Place::Log("sync"), "AAAA; the signature of token 0.");
        assert_eq!(secrets.leaked(), None);
        secrets.look_through(Place::Log("sync"), "the signature of token 1.");
        assert!(secrets.leaked().is_some());
    }
}
