//! Test vectors, which were signed at a fixed time, as requests that a running receiver judges as
//! the vectors say.

use crate::{
    exchange::Target,
    sender::{Callback, Ids, Sender, content, now, replace},
    vectors::{Keys, RawVector, Vector},
};

/// The difference between the timestamp of a vector and its time that is adapted; others are of no
/// real time.
const SKEW: i128 = 1000;
/// The tolerance of a receiver's clock, in seconds.
const TOLERANCE: i128 = 300;
/// The seconds by which a check at the tolerance avoids its edge, because a request takes
/// time.
const MARGIN: i128 = 30;

impl Sender {
    /// The callback of a vector, about a new key and as of now.
    pub(crate) fn adapted(&self, vector: &Vector) -> Callback {
        let ids = Ids::unique();
        let now = now();
        let old_body = vector.body();
        let mut body = self.rename(&old_body, &ids);
        if vector.padding() > 0 {
            // Filled up to the same size, whatever the length of the service's name.
            body.truncate(body.trim_ascii_end().len());
            body.resize(old_body.len(), b' ');
        }
        let old = content(
            vector.header("webhook-id").as_bytes(),
            vector.header("webhook-timestamp").as_bytes(),
            &old_body,
        );
        let adapt = |name: &str, value: &str| match name {
            "webhook-timestamp" => self.shifted(value, vector.now, now).into_bytes(),
            "webhook-signature" => value.as_bytes().to_vec(),
            _ => self.rename(value.as_bytes(), &ids),
        };
        let new = content(
            &adapt("webhook-id", vector.header("webhook-id")),
            &adapt("webhook-timestamp", vector.header("webhook-timestamp")),
            &body,
        );
        let golden = self.golden_signature(&ids, now);
        let headers =
            vector.headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let headers = headers.map(|(name, value)| {
            let value = match &**name {
                "webhook-signature" => self.signed_again(value, &old, &new, &golden).into_bytes(),
                _ => adapt(name, value),
            };
            (name.clone(), value)
        });
        Callback { headers: headers.collect(), body }
    }

    /// A raw request, about a new key and as of now, with the host and path of the receiver.
    pub(crate) fn adapted_raw(&self, vector: &RawVector, target: &Target) -> Vec<u8> {
        let (ids, now) = (Ids::unique(), now());
        let mut request = vector.bytes();
        let length = self.rename(self.golden_body.as_bytes(), &ids).len();
        if length != self.golden_body.len() {
            request = self.with_length(&request, length);
        }
        let mut request = self.rename(&request, &ids);
        for (old, new) in [
            (self.golden_signature.clone(), self.golden_signature(&ids, now)),
            (self.golden_timestamp.clone(), now.to_string()),
            (" /callbacks".to_owned(), format!(" {}", target.path)),
            ("\r\nhost: receiver\r\n".to_owned(), format!("\r\nhost: {}\r\n", target.authority)),
        ] {
            request = replace(&request, old.as_bytes(), new.as_bytes());
        }
        request
    }

    /// The signature of the golden vector about another key, at `now`.
    fn golden_signature(&self, ids: &Ids, now: u64) -> String {
        let (id, body) =
            (self.rename(self.golden_id.as_bytes(), ids), self.rename(self.golden_body.as_bytes(), ids));
        self.keys().current.sign(&content(&id, now.to_string().as_bytes(), &body))
    }

    /// The request with declared lengths of bodies and chunks for a golden body of `length` bytes.
    fn with_length(&self, request: &[u8], length: usize) -> Vec<u8> {
        let old = self.golden_body.len();
        let mut request = request.to_vec();
        // Its length, one more or less, and without the first seven bytes, which are one chunk.
        let near: Vec<_> = [old - 7, old - 1, old, old + 1].map(|near| (near, near + length - old)).to_vec();
        for (from, to) in near {
            let mut change = |from: String, to: String| {
                request = replace(&request, from.as_bytes(), to.as_bytes());
            };
            change(format!("\r\ncontent-length: {from}\r\n"), format!("\r\ncontent-length: {to}\r\n"));
            change(format!("\r\n{from:x}\r\n"), format!("\r\n{to:x}\r\n"));
        }
        request
    }

    /// A timestamp with the same difference to `now` as that of the vector to its time. At the
    /// tolerance it keeps a margin.
    fn shifted(&self, value: &str, vector_now: u64, now: u64) -> String {
        let parsed = value.parse::<u64>().ok().filter(|_| value.bytes().all(|c| c.is_ascii_digit()));
        match parsed.map(|timestamp| i128::from(timestamp) - i128::from(vector_now)) {
            Some(ahead) if ahead.abs() <= SKEW => {
                let margin = if ahead.abs() > TOLERANCE { MARGIN } else { -MARGIN };
                let ahead = if ahead.abs() < TOLERANCE { ahead } else { ahead + ahead.signum() * margin };
                (i128::from(now) + ahead).to_string()
            }
            _ => value.replace(&self.golden_timestamp, &now.to_string()),
        }
    }

    /// The value of `webhook-signature` for the new content. What is no valid signature of the old
    /// one, or a part of the golden vector's, stays as it is.
    fn signed_again(&self, value: &str, old: &[u8], new: &[u8], golden: &str) -> String {
        let Keys { current, next } = self.keys();
        let tokens = value.split(' ').map(|token| {
            let signer = [current, next].into_iter().find(|key| key.has_signed(old, token));
            signer.map_or_else(|| token.to_owned(), |key| key.sign(new))
        });
        let value = tokens.collect::<Vec<_>>().join(" ");
        // The end of the base64, from which vectors remove the padding or change unused bits.
        let ends = |signature: &str| {
            let (start, end) = signature.trim_start_matches("v1a,").trim_end_matches('=').split_at(84);
            [format!("{start}{end}"), format!("{start}{}", changed_bits(end)), start.to_owned()]
        };
        let pairs = ends(&self.golden_signature).into_iter().zip(ends(golden));
        pairs.fold(value, |value, (old, new)| value.replace(&old, &new))
    }
}

/// The last two characters of the base64 of 64 bytes, with unused bits that are not zero.
fn changed_bits(end: &str) -> String {
    end.chars().enumerate().map(|(place, c)| if place == 1 { char::from(c as u8 + 1) } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, HeaderName, HeaderValue};
    use keysync_receiver::Verifier;

    use super::*;
    use crate::{tls::client_config, vectors::Expect};

    /// The result of the Rust receiver: `accepted`, or the code of the rejection.
    fn result(sender: &Sender, service: &str, callback: &Callback) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in &callback.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let verifier = Verifier::new(service, [&sender.keys().current.public]).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(now());
        match verifier.verify(&headers, &callback.body, now) {
            Ok(_) => "accepted".to_owned(),
            Err(rejected) => rejected.code().to_owned(),
        }
    }

    #[test]
    fn adapted_vectors_have_the_result_of_the_vectors() {
        for service in ["cloud-object-storage", "db", "a-service-with-a-name-that-is-much-longer"] {
            let sender = Sender::new(service).unwrap();
            assert!(sender.vectors().count() > 130);
            for vector in sender.vectors() {
                let expected = match &vector.expect {
                    Expect::Accepted(_) => "accepted",
                    Expect::Rejected(code) => code,
                };
                assert_eq!(result(&sender, service, &sender.adapted(vector)), expected, "{}", vector.name);
            }
        }
    }

    #[test]
    fn raw_golden_request_is_an_authentic_callback() {
        let sender = Sender::new("databases-for-postgresql").unwrap();
        let tls = client_config(None).unwrap();
        let url = "http://127.0.0.1:1/hook?a=b".parse().unwrap();
        let target = Target::new(&url, Duration::from_secs(1), tls).unwrap();
        let request = String::from_utf8(sender.adapted_raw(&sender.raw_requests()[0], &target)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        assert_eq!(lines.next(), Some("POST /hook?a=b HTTP/1.1"));
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect();
        assert!(headers.contains(&("content-length".to_owned(), body.len().to_string().into_bytes())));
        let callback = Callback { headers, body: body.as_bytes().to_vec() };
        assert_eq!(result(&sender, "databases-for-postgresql", &callback), "accepted");
    }
}
