//! The verdict of this crate on each callback of standard input, for `tests/receivers`, which
//! compares it with other languages; `tests/receivers/kits.py` describes the lines.
#![expect(clippy::unwrap_used, reason = "the lines are written by the tests")]

use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use keysync_receiver::{Notification, PublicKeyError, Verifier};

fn decode(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

fn decode_text(text: &str) -> String {
    String::from_utf8(decode(text)).unwrap()
}

fn verifier(service: String, source: &str) -> Result<Verifier, PublicKeyError> {
    let (kind, values) = source.split_once('=').unwrap();
    if kind == "set" {
        return Verifier::from_jwks(service, decode(values));
    }
    let keys = values.split(',').filter(|key| !key.is_empty());
    Verifier::new(service, keys.map(|key| decode_text(&key[1..])))
}

fn headers(pairs: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.split(',').filter_map(|pair| pair.split_once(':')) {
        // A value that no HTTP library would pass on is as good as a malformed one.
        let value = HeaderValue::from_bytes(&decode(value));
        let value = value.unwrap_or_else(|_| HeaderValue::from_static("\t"));
        headers.append(decode_text(name).parse::<HeaderName>().unwrap(), value);
    }
    headers
}

fn verdict(line: &str) -> String {
    let mut fields = line.split(' ');
    let mut field = || fields.next().unwrap();
    let (source, now, service, body, pairs) = (field(), field(), field(), field(), field());
    let verifier = match verifier(decode_text(service), source) {
        Ok(verifier) => verifier,
        Err(error) => return format!("invalid {} {}", error.code(), error.place().unwrap_or_default()),
    };
    let now = UNIX_EPOCH + Duration::from_millis(now.parse().unwrap());
    match verifier.verify(&headers(pairs), &decode(&body[1..]), now) {
        Ok(notification) => accepted(&notification),
        Err(rejected) => format!("rejected {} {}", rejected.code(), rejected.status().as_u16()),
    }
}

fn accepted(notification: &Notification) -> String {
    let Notification {
        event_id, key_id, action, sequence, key_state, renotification, resource_count, ..
    } = notification;
    let texts = [event_id.as_str(), key_id.as_str(), action.as_str()]
        .map(|text| BASE64_STANDARD.encode(text))
        .join(" ");
    format!("accepted {texts} {sequence} {} {renotification} {resource_count}", key_state.number())
}

fn main() {
    for line in io::stdin().lines() {
        println!("{}", verdict(&line.unwrap()));
    }
}
