//! The `CloudEvents` webhook handshake: the sender asks the receiver for permission to send it
//! callbacks (HTTP 1.1 Web Hooks for Event Delivery, version 1.0.2, section 4).

use std::time::Duration;

use http::Method;
use keysync::http_client::{HttpClient, Request, Response};
use serde::Serialize;
use url::Url;

/// The maximum length of a header's value in the output, in characters.
const MAX_SHOWN: usize = 100;

/// What the receiver allows.
#[derive(Debug, Serialize)]
pub(super) struct Handshake {
    /// The origin: the requested one, or `*`.
    allowed_origin: Option<String>,
    /// The requests per minute, or `*`. The functions do not limit their rate.
    allowed_rate: Option<String>,
}

/// The name of the sender in a handshake: a DNS name.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("must be a DNS name, such as `keysync.example.com`".to_owned())
}

/// Makes the handshake: the status of the response and what it allows. An error is the reason why
/// there was no response.
pub(super) async fn make(
    http: &HttpClient,
    url: &Url,
    origin: &str,
    timeout: Duration,
) -> Result<(u16, Handshake), String> {
    let request = Request::new(Method::OPTIONS, url).header("webhook-request-origin", origin);
    let response = http.send_once(request, timeout).await.map_err(|error| error.to_string())?;
    let shown = |name| header(&response, name);
    let handshake = Handshake {
        allowed_origin: shown("webhook-allowed-origin"),
        allowed_rate: shown("webhook-allowed-rate"),
    };
    Ok((response.status().as_u16(), handshake))
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.chars().take(MAX_SHOWN).collect())
}

impl Handshake {
    /// The reason why the receiver does not permit callbacks from `origin`; `None` if it does.
    pub(super) fn problem(&self, status: u16, origin: &str) -> Option<String> {
        if !(200..300).contains(&status) {
            return Some(format!("the handshake got the status {status}, and needs 2xx"));
        }
        match self.allowed_origin.as_deref() {
            Some("*") => None,
            Some(allowed) if allowed.eq_ignore_ascii_case(origin) => None,
            Some(allowed) => Some(format!("the handshake allows the origin `{allowed}`, and not `{origin}`")),
            None => Some("the response to the handshake has no `webhook-allowed-origin`".to_owned()),
        }
    }
}
