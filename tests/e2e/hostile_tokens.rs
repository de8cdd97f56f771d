//! Tokens that no caller of good will sends: each is refused, by the function itself, without a word on why.
//!
//! IAM would refuse most of them, too, when it is asked what their subject may do. So that its answer hides
//! nothing here, it must not have been asked.

mod claims;
mod forgeries;
mod headers;
mod shapes;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use keysync::key::EpochMillis;
use keysync_testkit::{Response, iam::TokenBuilder, journal::Part};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{World, document, world_at};

const UNAUTHORIZED: &str = "The token is not valid, or its subject may not synchronize keys of this instance: \
     the role Writer or Manager is needed";
const NO_SUBJECT: &str =
    "no subject can be read from the `authorization` header; send `Bearer <IAM access token>`";

/// A token by what is wrong with it.
type Hostile = (String, String);

/// What hostile tokens are made of.
struct Forge {
    world: World,
    /// The kid of a key that is published and does not sign any more.
    old_kid: String,
    /// Where a token may say that its key is; nobody is to ask.
    elsewhere: TcpListener,
}

impl Forge {
    async fn new() -> Self {
        let world = world_at(EpochMillis::new(1_700_000_000_000)).await;
        let old_kid = read(&world.manager.token(), 0)["kid"].as_str().unwrap().to_owned();
        world.harness.iam().rotate_key().unwrap();
        world.advance_clock(Duration::from_secs(30)).await; // so that the function may fetch the new one
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forge = Self { world, old_kid, elsewhere };
        forge.accepts(vec![("a good one".to_owned(), forge.good().build().unwrap())]).await;
        forge
    }

    /// A token of the manager, good until something is broken.
    fn good(&self) -> TokenBuilder {
        let iam = self.world.harness.iam();
        iam.token(&iam.authenticate(&self.world.manager.token()).unwrap().iam_id)
    }

    /// Header and claims of a good token.
    fn parts(&self) -> (Value, Value) {
        let token = self.good().build().unwrap();
        (read(&token, 0), read(&token, 1))
    }

    /// These very texts, properly signed.
    fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.world.harness.iam().signed(header, claims).unwrap()
    }

    fn elsewhere(&self) -> String {
        format!("http://{}/keys", self.elsewhere.local_addr().unwrap())
    }

    /// What the function answers, which IAM was not asked about, nor the table.
    async fn answer(&self, authorization: &str) -> (Response, bool) {
        let Self { world, .. } = self;
        let url = format!("{}/api/v2/keys/{}/actions/sync", world.harness.sync_function().url(), world.key);
        let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
        let request = request.header("bluemix-instance", world.harness.instance().to_string());
        let (asked, called) = (self.asked("/v2/authz"), world.harness.dynamodb().proxy().calls().len());
        let answer = world.manager.send(request.header("authorization", authorization)).await.unwrap();
        let is_new =
            asked == self.asked("/v2/authz") && called == world.harness.dynamodb().proxy().calls().len();
        (answer, is_new)
    }

    /// How often IAM was asked for this path.
    fn asked(&self, path: &str) -> usize {
        let exchanges = self.world.harness.journal().exchanges();
        exchanges.iter().filter(|asked| asked.to == Part::Iam && asked.path == path).count()
    }

    /// Each of them is refused, in the same words, and then a good one still passes.
    async fn refuses(&self, status: u16, tokens: Vec<Hostile>) {
        let expected = match status {
            400 => document("Bad Request", 400, "BEARER_SUB_EXTRACTION_ERR", NO_SUBJECT),
            _ => document("Unauthorized", 401, "UNAUTHORIZED_ERR", UNAUTHORIZED),
        };
        for (what, token) in tokens {
            let (answer, nobody_was_asked) = self.answer(&format!("Bearer {token}")).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (status, &expected), "{what}");
            assert!(nobody_was_asked, "{what}: IAM or DynamoDB was asked");
        }
        self.accepts(vec![("a good one".to_owned(), self.good().build().unwrap())]).await;
        let fetched = self.asked("/identity/keys");
        assert!(fetched <= 2, "at start, and after the rotation: {fetched}");
        let visitor = futures_util::FutureExt::now_or_never(self.elsewhere.accept());
        assert!(visitor.is_none(), "a token's own address was visited");
    }

    /// Each of them passes: it is let in, and its window is the only thing that may stop it.
    async fn accepts(&self, tokens: Vec<Hostile>) {
        for (what, token) in tokens {
            let (answer, _) = self.answer(&format!("Bearer {token}")).await;
            let passes = [StatusCode::NO_CONTENT, StatusCode::CONFLICT].contains(&answer.status);
            assert!(passes, "{what}: {}", answer.body);
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

/// A text with a member twice: `value` first, then what was there.
fn twice(object: &Value, name: &str, value: impl Into<Value>) -> String {
    let rest = object.to_string();
    format!(r#"{{"{name}":{},{}"#, json!(value.into()), &rest[1..])
}
