//! Access tokens: a token that IAM did not sign is never accepted, and a signed one only if it
//! identifies a caller.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use httpmock::MockServer;
use keysync::{
    Clock,
    domain::{EpochMillis, InstanceId},
    http_client::HttpClient,
    iam::{Authenticated, Iam, IamError, IamSettings, UnverifiedToken},
};
use serde_json::json;
use tokio::runtime::Runtime;

/// The current time, in ms since the epoch.
const NOW: u64 = 1_795_500_000_000;
const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";

/// An emulated IAM and its client.
struct Setup {
    runtime: Runtime,
    iam: Iam,
    key: KeyPair,
    instance: InstanceId,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (server, key) = (MockServer::start(), KeyPair::generate(KeySize::Rsa2048).expect("a key"));
    let public = key.public_key();
    let [n, e] =
        [public.modulus(), public.exponent()].map(|number| encoded(number.big_endian_without_leading_zero()));
    let jwk = json!({"kid": "key-1", "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e});
    server.mock(|when, then| {
        when.path("/identity/keys");
        then.status(200).json_body(json!({"keys": [jwk]}));
    });
    let settings = IamSettings {
        url: server.base_url().parse().expect("a URL"),
        issuer: "https://iam.cloud.ibm.com/identity".to_owned(),
        service: "hs-crypto".to_owned(),
        region: "us-south".to_owned(),
    };
    let iam = Iam::new(settings, HttpClient::new(), Clock::from_fn(|| EpochMillis::new(NOW)));
    runtime.block_on(iam.prefetch_keys());
    Setup { runtime, iam, key, instance: INSTANCE.parse().expect("an id") }
});

/// Authenticates `data` as a whole token, and its header and claims (separated by a zero byte) with
/// a forged and with a valid signature.
pub fn token(data: &[u8]) {
    let setup = &*SETUP;
    let text: String = data.iter().copied().map(char::from).collect();
    assert!(!matches!(setup.authenticated(&text), Some(Ok(_))), "unsigned token accepted: {text:?}");
    let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
    let (header, claims) = (&data[..end], &data[end + 1..]);
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = setup.sign(&signed);
    let forged = format!("{signed}.{}", encoded(&signature[1..]));
    assert!(
        !matches!(setup.authenticated(&forged), Some(Ok(_))),
        "a token with a truncated signature was accepted"
    );
    if let Some(Ok(identity)) = setup.authenticated(&format!("{signed}.{}", encoded(signature))) {
        assert_eq!(identity.caller.as_str().parse().as_ref(), Ok(&identity.caller));
        let crn = identity.instance.key(KEY.parse().expect("an id"));
        assert_eq!(
            crn.to_string().parse().as_ref(),
            Ok(&crn),
            "the CRN does not survive formatting and parsing"
        );
    }
}

impl Setup {
    fn authenticated(&self, token: &str) -> Option<Result<Authenticated, IamError>> {
        let token = UnverifiedToken::from_authorization(&format!("Bearer {token}")).ok()?;
        Some(self.runtime.block_on(self.iam.authenticate(&token, self.instance)))
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .expect("a signature");
        signature
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
