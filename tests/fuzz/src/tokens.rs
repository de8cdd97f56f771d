//! Access tokens: nobody gets in by one that IAM did not sign, and what it signed is taken only if it names somebody.

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
    http_client,
    iam::{Authenticated, Iam, IamError, IamSettings, UnverifiedToken},
};
use serde_json::json;
use tokio::runtime::Runtime;

/// Now, in epoch ms.
const NOW: u64 = 1_795_500_000_000;
const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";

/// IAM, and somebody who trusts it.
struct World {
    runtime: Runtime,
    iam: Iam,
    key: KeyPair,
    instance: InstanceId,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
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
    let http = http_client::client().build().expect("a client");
    let iam = Iam::new(settings, http, Clock::from_fn(|| EpochMillis::new(NOW)));
    runtime.block_on(iam.prefetch_keys());
    World { runtime, iam, key, instance: INSTANCE.parse().expect("an id") }
});

/// A header and claims, with a zero between, as they are and signed by IAM; and all of it as a token.
pub fn token(data: &[u8]) {
    let world = &*WORLD;
    let text: String = data.iter().copied().map(char::from).collect();
    assert!(!matches!(world.authenticated(&text), Some(Ok(_))), "nobody signed {text:?}");
    let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
    let (header, claims) = (&data[..end], &data[end + 1..]);
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = world.sign(&signed);
    let forged = format!("{signed}.{}", encoded(&signature[1..]));
    assert!(!matches!(world.authenticated(&forged), Some(Ok(_))), "a part of a signature counts");
    if let Some(Ok(who)) = world.authenticated(&format!("{signed}.{}", encoded(signature))) {
        assert_eq!(who.caller.as_str().parse().as_ref(), Ok(&who.caller));
        let crn = who.instance.key(KEY.parse().expect("an id"));
        assert_eq!(crn.to_string().parse().as_ref(), Ok(&crn), "it would be another CRN");
    }
}

impl World {
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
