//! Hostile tokens: the function itself rejects each of them, without giving the reason.
//!
//! IAM would deny most of them, too. The tests assert that it was not called, so that its denial
//! hides no defect.

mod claims;
mod headers;
mod malformed;
mod signatures;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use keysync::domain::EpochMillis;
use keysync_testkit::{Response, iam::TokenBuilder, journal::Part};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{World, document, world_at};

const UNAUTHORIZED: &str = "The token is not valid, or its subject may not synchronize keys of this instance: \
     the role Writer or Manager is needed";
const NO_SUBJECT: &str =
    "no subject can be read from the `authorization` header; send `Bearer <IAM access token>`";

/// A token, after a description of its defect.
type Hostile = (String, String);

/// The parts of hostile tokens.
struct Forge {
    world: World,
    /// The key id of a published key that no longer signs.
    old_kid: String,
    /// A key URL for tokens, which must not be called.
    key_server: TcpListener,
}

impl Forge {
    async fn new() -> Self {
        let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
        let old_kid = read(&world.manager.token(), 0)["kid"].as_str().unwrap().to_owned();
        world.harness.iam().rotate_key().unwrap();
        world.advance_clock(Duration::from_secs(30)).await; // from then on the function fetches the key set again
        let key_server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forge = Self { world, old_kid, key_server };
        forge.assert_accepted(vec![("a valid one".to_owned(), forge.valid().build().unwrap())]).await;
        forge
    }

    /// A valid token of the Manager, to be changed.
    fn valid(&self) -> TokenBuilder {
        let iam = self.world.harness.iam();
        iam.token(&iam.authenticate(&self.world.manager.token()).unwrap().iam_id)
    }

    /// Header and claims of a valid token.
    fn parts(&self) -> (Value, Value) {
        let token = self.valid().build().unwrap();
        (read(&token, 0), read(&token, 1))
    }

    /// A token of these bytes with a valid signature.
    fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.world.harness.iam().signed(header, claims).unwrap()
    }

    fn key_url(&self) -> String {
        format!("http://{}/keys", self.key_server.local_addr().unwrap())
    }

    /// The response to an `authorization` header, and whether neither IAM nor DynamoDB was called.
    async fn send(&self, authorization: &str) -> (Response, bool) {
        let Self { world, .. } = self;
        let url = format!("{}/api/v2/keys/{}/actions/sync", world.harness.sync_function().url(), world.key);
        let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
        let request = request.header("bluemix-instance", world.harness.instance().to_string());
        let (decisions, calls) =
            (self.calls_to_iam("/v2/authz"), world.harness.dynamodb().proxy().calls().len());
        let response = world.manager.send(request.header("authorization", authorization)).await.unwrap();
        let no_calls = decisions == self.calls_to_iam("/v2/authz")
            && calls == world.harness.dynamodb().proxy().calls().len();
        (response, no_calls)
    }

    /// The number of calls to a path of IAM.
    fn calls_to_iam(&self, path: &str) -> usize {
        let exchanges = self.world.harness.journal().exchanges();
        exchanges.iter().filter(|exchange| exchange.to == Part::Iam && exchange.path == path).count()
    }

    /// Asserts that each token is rejected with the same document, and that a valid one is accepted
    /// afterwards.
    async fn assert_rejected(&self, status: u16, tokens: Vec<Hostile>) {
        let expected = match status {
            400 => document("Bad Request", 400, "BEARER_SUB_EXTRACTION_ERR", NO_SUBJECT),
            _ => document("Unauthorized", 401, "UNAUTHORIZED_ERR", UNAUTHORIZED),
        };
        for (defect, token) in tokens {
            let (response, no_calls) = self.send(&format!("Bearer {token}")).await;
            assert_eq!((response.status.as_u16(), &response.body), (status, &expected), "{defect}");
            assert!(no_calls, "{defect}: IAM or DynamoDB was called");
        }
        self.assert_accepted(vec![("a valid one".to_owned(), self.valid().build().unwrap())]).await;
        let fetched = self.calls_to_iam("/identity/keys");
        assert!(fetched <= 2, "at start, and after the rotation: {fetched}");
        let connection = futures_util::FutureExt::now_or_never(self.key_server.accept());
        assert!(connection.is_none(), "the key URL of a token was called");
    }

    /// Asserts that each token is accepted; the response is 204, or 409 as the window is closed.
    async fn assert_accepted(&self, tokens: Vec<Hostile>) {
        for (defect, token) in tokens {
            let (response, _) = self.send(&format!("Bearer {token}")).await;
            let accepted = [StatusCode::NO_CONTENT, StatusCode::CONFLICT].contains(&response.status);
            assert!(accepted, "{defect}: {}", response.body);
        }
    }
}

/// Header (0) or claims (1) of a token.
fn read(token: &str, part: usize) -> Value {
    let part = token.split('.').nth(part).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

/// A JSON object with a duplicate member: `value` first, then the original one.
fn twice(object: &Value, name: &str, value: impl Into<Value>) -> String {
    let rest = object.to_string();
    format!(r#"{{"{name}":{},{}"#, json!(value.into()), &rest[1..])
}
