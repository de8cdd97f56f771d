//! The peers of the functions over HTTP: IAM, and the services with their callbacks.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use keysync::http_client::{Request, SendError, Transport};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    invocation::Invocation,
    plan::{Caller, SERVICES},
    rules,
    world::{ACCOUNT, FOREIGN_ACCOUNT, START},
};

/// The host of IAM.
pub(crate) const IAM_HOST: &str = "iam.example";

/// IAM's key. It differs between processes, which changes nothing that a trace shows.
static IAM_KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

static TOKENS: LazyLock<[String; 4]> = LazyLock::new(|| {
    [Caller::One, Caller::Two, Caller::Reader, Caller::Foreign].map(|caller| {
        let account = if caller == Caller::Foreign { FOREIGN_ACCOUNT } else { ACCOUNT };
        let claims = json!({
            "iss": "https://iam.cloud.ibm.com/identity", "sub": "user", "iam_id": caller.iam_id(),
            "account": {"bss": account}, "iat": START / 1000 - 3600, "exp": START / 1000 + 400 * 86_400,
        });
        let encode = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(json!({"alg": "RS256", "kid": "key-1"})), encode(claims));
        let mut signature = vec![0; IAM_KEY.public_modulus_len()];
        IAM_KEY
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    })
});

impl Caller {
    pub(crate) fn iam_id(self) -> String {
        format!("IBMid-{self:?}")
    }

    /// The caller's access token, valid for longer than a round.
    pub(crate) fn token(self) -> &'static str {
        &TOKENS[self as usize]
    }
}

/// Carries requests to IAM and to the services.
#[derive(Debug)]
pub(crate) struct Peers;

impl Transport for Peers {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response<Bytes>, SendError>> {
        let by = Invocation::current();
        let service = SERVICES.iter().position(|name| request.uri().host() == Some(&*host(name)));
        let header = request.headers().get("webhook-id").and_then(|value| value.to_str().ok());
        let attempt = header.map(|event_id| (by.number, event_id.to_owned()));
        by.world.state().attempts.extend(attempt.clone());
        Box::pin(async move {
            let (there, back) = by.latencies();
            sleep(there).await;
            let response = match service {
                Some(service) => callback(&by, service, &request).await?,
                None => iam(&by, &request).await?,
            };
            sleep(back).await;
            if response.status() == StatusCode::GONE {
                by.world.state().rejections.extend(attempt);
            }
            Ok(response)
        })
    }
}

/// The host of a service.
pub(crate) fn host(service: &str) -> String {
    format!("{service}.example")
}

async fn iam(by: &Arc<Invocation>, request: &Request) -> Result<Response<Bytes>, SendError> {
    if by.fails(false) {
        let fault = by.draw(|rng| rng.u8(..4));
        by.world.note(&format!("{by} IAM fault {fault}"));
        return match fault {
            0 => Ok(response(503, "")),
            1 => Ok(response(200, "[]")),
            2 => Err(SendError::ConnectionBroken("connection reset".to_owned())),
            _ => std::future::pending().await,
        };
    }
    if request.uri().path() == "/identity/keys" {
        return Ok(response(200, &JWKS));
    }
    let body: Value = serde_json::from_slice(request.bytes()).unwrap_or_default();
    let permitted = body[0]["subject"]["attributes"]["id"] != Caller::Reader.iam_id();
    let decision = json!({"permitted": permitted, "obligation": {"maxCacheAgeSeconds": 600}});
    Ok(response(200, &json!({"responses": [{"authorizationDecision": decision}]}).to_string()))
}

static JWKS: LazyLock<String> = LazyLock::new(|| {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let key = IAM_KEY.public_key();
    json!({"keys": [{
        "kid": "key-1", "kty": "RSA", "alg": "RS256", "use": "sig",
        "n": encode(key.modulus().big_endian_without_leading_zero()),
        "e": encode(key.exponent().big_endian_without_leading_zero()),
    }]})
    .to_string()
});

/// How a service fails a callback.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Status(u16),
    RetryAfter(u16, u64),
    /// No response, and the service does not have the notification.
    Hangs,
    Broken,
    /// No response, although the service has the notification.
    BrokenAfter,
    /// The response comes after this time, in ms.
    Slow(u64),
}

async fn callback(
    by: &Arc<Invocation>,
    service: usize,
    request: &Request,
) -> Result<Response<Bytes>, SendError> {
    let (world, name) = (&by.world, SERVICES[service]);
    let is_out = world.now() < world.state().services[service].fails_until;
    let is_failing = by.fails(false);
    let failure = (is_failing || is_out).then(|| {
        by.draw(|rng| match rng.u8(..12) {
            0..=2 => Failure::Status(503),
            3 => Failure::Status(400),
            4 => Failure::RetryAfter(503, rng.u64(..120)),
            5 => Failure::RetryAfter(429, rng.u64(..4000)),
            6..=7 => Failure::Hangs,
            8 => Failure::Broken,
            // A service that is out has no notification and refuses none.
            _ if is_out => Failure::Status(500),
            9 => Failure::BrokenAfter,
            10 => Failure::Slow(rng.u64(100..8000)),
            _ => Failure::Status(410),
        })
    });
    let refuses = world.now() < world.state().services[service].refuses_until;
    let failure = if refuses { Some(Failure::Status(410)) } else { failure };
    let event: Value = serde_json::from_slice(request.bytes()).unwrap_or_default();
    let label = format!("{by} callback to {name}: {} {}", event["id"], event["type"]);
    world.note(&match failure {
        Some(failure) => format!("{label}: {failure:?}"),
        None => label,
    });
    sleep(by.callback_time()).await;
    let status = match failure {
        Some(Failure::Status(status) | Failure::RetryAfter(status, _)) => status,
        Some(Failure::Hangs) => std::future::pending().await,
        Some(Failure::Broken) => return Err(broken()),
        _ => 204,
    };
    if let Some(Failure::Slow(millis)) = failure {
        sleep(Duration::from_millis(millis)).await;
    }
    rules::callback(by, service, request, status);
    match failure {
        Some(Failure::BrokenAfter) => Err(broken()),
        Some(Failure::RetryAfter(status, seconds)) => {
            let response = Response::builder().status(status).header("retry-after", seconds);
            Ok(response.body(Bytes::new()).expect("a response"))
        }
        _ => Ok(response(status, "")),
    }
}

fn broken() -> SendError {
    SendError::ConnectionBroken("connection reset".to_owned())
}

fn response(status: u16, body: &str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).expect("a response")
}
