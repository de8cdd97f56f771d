//! The sender of a run, which signs callbacks as of now.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::{
    Error,
    exchange::Target,
    vectors::{Key, Keys, RawVector, Values, Vector, Vectors},
};

/// The length of the part of a claim's UUID that this crate replaces. The rest distinguishes the
/// claims of a vector.
const CLAIM_PREFIX: usize = 34;

/// Signs callbacks.
pub(crate) struct Sender {
    vectors: Vectors,
    /// The receiver's service.
    service: String,
    pub(crate) golden_body: String,
    pub(crate) golden_id: String,
    pub(crate) golden_timestamp: String,
    pub(crate) golden_signature: String,
    /// The key of the golden vector.
    key_id: String,
    /// The claim of the golden vector.
    claim: String,
}

/// A callback with its headers and the body.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Callback {
    /// The request to `target`.
    pub(crate) fn request(&self, target: &Target) -> Vec<u8> {
        let Target { path, authority, .. } = target;
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: keysync-conformance\r\nconnection: close\r\n\
             content-length: {}\r\n",
            self.body.len()
        )
        .into_bytes();
        for (name, value) in &self.headers {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(&self.body);
        request
    }
}

/// Identifiers that replace those of the vectors, so that each callback is about another key.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    key: String,
    claim: String,
}

impl Ids {
    /// A new key.
    pub(crate) fn unique() -> Self {
        Self { key: Uuid::new_v4().to_string(), claim: Uuid::now_v7().to_string() }
    }

    /// Another notification of the same key.
    pub(crate) fn next(&self) -> Self {
        Self { key: self.key.clone(), claim: Uuid::now_v7().to_string() }
    }
}

impl Sender {
    /// A sender to the receiver of `service`.
    pub(crate) fn new(service: &str) -> Result<Self, Error> {
        let vectors = Vectors::read()?;
        let golden = vectors.golden()?;
        let golden_body =
            String::from_utf8(golden.body()).map_err(|error| Error::Vectors(error.to_string()))?;
        let (golden_id, golden_timestamp) =
            (golden.header("webhook-id").to_owned(), golden.header("webhook-timestamp").to_owned());
        let golden_signature = golden.header("webhook-signature").to_owned();
        let [key_id, claim, _] = golden_id.split('_').collect::<Vec<_>>()[..] else {
            return Err(Error::Vectors(format!("the id of the first vector has another form: {golden_id}")));
        };
        let (key_id, claim) = (key_id.to_owned(), claim.to_owned());
        let service = service.to_owned();
        Ok(Self {
            vectors,
            service,
            golden_body,
            golden_id,
            golden_timestamp,
            golden_signature,
            key_id,
            claim,
        })
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.vectors.keys
    }

    /// The vectors that a receiver of the service with the current key can be asked about. HTTP
    /// removes spaces around the values of headers, so that vectors about them cannot be sent.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = &Vector> {
        let Vectors { service, keys, callbacks, .. } = &self.vectors;
        callbacks.iter().filter(move |vector| {
            let mut values = vector.headers.values().flat_map(Values::iter);
            vector.service == *service
                && vector.public_keys == [keys.current.public.clone()]
                && values.all(|value| value.trim_ascii() == value)
        })
    }

    /// The raw requests.
    pub(crate) fn raw_requests(&self) -> &[RawVector] {
        &self.vectors.requests
    }

    /// An authentic callback with this sequence, signed now.
    pub(crate) fn authentic(&self, ids: &Ids, sequence: u64, keys: &[&Key]) -> Callback {
        let body = self.rename(self.golden_body.as_bytes(), ids);
        let body = replace(
            &body,
            br#""sequence":"00000000000000000007""#,
            format!(r#""sequence":"{sequence:020}""#).as_bytes(),
        );
        self.sign(ids, body, now(), keys)
    }

    /// A callback with this body, signed at `timestamp`.
    pub(crate) fn sign(&self, ids: &Ids, body: Vec<u8>, timestamp: u64, keys: &[&Key]) -> Callback {
        let id = self.rename(self.golden_id.as_bytes(), ids);
        let content = content(&id, timestamp.to_string().as_bytes(), &body);
        let signatures: Vec<_> = keys.iter().map(|key| key.sign(&content)).collect();
        let headers = [
            ("content-type", b"application/cloudevents+json".to_vec()),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string().into_bytes()),
            ("webhook-signature", signatures.join(" ").into_bytes()),
        ];
        Callback { headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(), body }
    }

    /// Text with the ids and the service of the vectors replaced.
    pub(crate) fn rename(&self, text: &[u8], ids: &Ids) -> Vec<u8> {
        let prefix = |claim: &str| claim.get(..CLAIM_PREFIX).unwrap_or_default().to_owned();
        let service = &self.vectors.service;
        let mut renamed = text.to_vec();
        for (old, new) in [
            (self.key_id.clone(), ids.key.clone()),
            (prefix(&self.claim), prefix(&ids.claim)),
            (service.clone(), self.service.clone()),
            (service.to_uppercase(), self.service.to_uppercase()),
        ] {
            renamed = replace(&renamed, old.as_bytes(), new.as_bytes());
        }
        renamed
    }
}

/// What is signed (Standard Webhooks 1.0).
pub(crate) fn content(id: &[u8], timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    [id, b".", timestamp, b".", body].concat()
}

/// Replaces each occurrence of `old`.
pub(crate) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let (mut replaced, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a running receiver has the machine's clock, too")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
