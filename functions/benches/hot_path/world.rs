//! The benchmarked function, with a stub of DynamoDB and IAM's keys already fetched.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Response;
use httpmock::MockServer;
use keysync::{
    Clock, SyncConfig, SyncHandler, Table, config,
    delivery::SigningKeys,
    domain::{ClaimId, EpochMillis},
    http_client::HttpClient,
    iam::{Authenticated, Iam, IamError, UnverifiedToken},
    ledger::{ClaimRequest, Claimed, DynamoDbClient, Ledger},
    rate_limit::CallerRateLimiter,
};
use lambda_http::{Body, Request, RequestExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The present instant, in epoch ms.
pub(crate) const NOW: u64 = 1_795_500_000_000;

const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
const SIGNING_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// The result of a claim in the DynamoDB stub.
#[derive(Clone, Copy)]
pub(crate) enum ClaimResult {
    Won,
    TooEarly,
}

pub(crate) struct World {
    runtime: Runtime,
    handler: SyncHandler,
    iam: Iam,
    ledger: Ledger,
    tokens: KeyPair,
}

pub(crate) fn signing_keys() -> SigningKeys {
    SIGNING_KEY.parse().unwrap()
}

impl World {
    pub(crate) fn with(claim: ClaimResult) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (server, tokens) = (MockServer::start(), KeyPair::generate(KeySize::Rsa2048).unwrap());
        stub_iam(&server, &tokens);
        let clock = Clock::from_fn(|| EpochMillis::new(NOW));
        let aws = aws(claim);
        let SyncConfig { iam, common, .. } = SyncConfig::read(|name| match name {
            config::IAM_URL => Some(server.base_url()),
            config::REGION => Some("us-south".to_owned()),
            config::SERVICES => Some("{}".to_owned()),
            config::SIGNING_KEY => Some(SIGNING_KEY.to_owned()),
            config::LOOPBACK_TEST_MODE => Some("on".to_owned()),
            _ => None,
        })
        .unwrap();
        let table = Table::new(&common, &aws);
        let http = HttpClient::new();
        let iam = || Iam::new(iam.clone(), http.clone(), clock.clone());
        let world = Self {
            iam: iam(),
            handler: SyncHandler::new(
                common,
                iam(),
                signing_keys(),
                CallerRateLimiter::new(None),
                table,
                clock.clone(),
            ),
            ledger: Ledger::new(&aws, "keysync".to_owned()).with_client(DynamoDbClient::Thin),
            runtime,
            tokens,
        };
        // Fetch IAM's keys and its access decision, so that both are cached.
        world.authenticate(&world.token()).unwrap();
        assert!([204, 409].contains(&world.handle(Self::request(&world.token())).status().as_u16()));
        world
    }

    /// A token like IAM's.
    pub(crate) fn token(&self) -> String {
        let seconds = NOW / 1000;
        let claims = json!({
            "iss": "https://iam.cloud.ibm.com/identity", "sub": "user@example.com", "iam_id": "IBMid-1",
            "id": "IBMid-1", "realmid": "IBMid", "given_name": "Some", "family_name": "User",
            "account": {"valid": true, "bss": "abc123"}, "iat": seconds - 60, "exp": seconds + 3540,
            "grant_type": "urn:ibm:params:oauth:grant-type:apikey", "scope": "ibm openid", "client_id": "default",
            "acr": 1, "amr": ["pwd"], "jti": "9a1d1d1e-8b1d-4d0f-a0a1-0a6b9a1e3c5d",
        });
        let encode = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(json!({"alg": "RS256", "kid": "key-1"})), encode(claims));
        let mut signature = vec![0; self.tokens.public_modulus_len()];
        self.tokens.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// A well-formed token with an invalid signature: one character in its middle is changed.
    pub(crate) fn forged_token(&self) -> String {
        let mut token = self.token();
        let middle = token.len() - 170;
        let other = if token[middle..].starts_with('A') { "B" } else { "A" };
        token.replace_range(middle..=middle, other);
        token
    }

    pub(crate) fn authenticate(&self, token: &str) -> Result<Authenticated, IamError> {
        let token = UnverifiedToken::from_authorization(&format!("Bearer {token}")).unwrap();
        self.runtime.block_on(self.iam.authenticate(&token, INSTANCE.parse().unwrap()))
    }

    pub(crate) fn claim(&self) -> Claimed {
        let request = ClaimRequest {
            key: format!("crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:{INSTANCE}:key:{KEY}")
                .parse()
                .unwrap(),
            ring: None,
            caller: "IBMid-1".parse().unwrap(),
            correlation_id: "c-2".parse().unwrap(),
            claim: ClaimId::unique(),
            now: EpochMillis::new(NOW),
            lease: std::time::Duration::from_secs(30),
        };
        self.runtime.block_on(self.ledger.claim(&request)).unwrap()
    }

    pub(crate) fn request(token: &str) -> Request {
        let path = format!("/api/v2/keys/{KEY}/actions/sync");
        let request = http::Request::post(&path)
            .header("host", "keysync.example.com")
            .header("authorization", format!("Bearer {token}"))
            .header("bluemix-instance", INSTANCE)
            .body(Body::Empty);
        request.unwrap().with_raw_http_path(&path)
    }

    pub(crate) fn handle(&self, request: Request) -> Response<Body> {
        self.runtime.block_on(self.handler.handle(request))
    }
}

/// Serves IAM's public keys and a cacheable permit.
fn stub_iam(server: &MockServer, tokens: &KeyPair) {
    let key = tokens.public_key();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kid": "key-1", "kty": "RSA", "alg": "RS256", "use": "sig",
        "n": encode(key.modulus().big_endian_without_leading_zero()),
        "e": encode(key.exponent().big_endian_without_leading_zero()),
    });
    server.mock(|when, then| {
        when.path("/identity/keys");
        then.status(200).json_body(json!({"keys": [jwk]}));
    });
    server.mock(|when, then| {
        when.path("/v2/authz");
        then.status(200).json_body(json!({"responses": [{"authorizationDecision": {
            "permitted": true, "obligation": {"maxCacheAgeSeconds": 3600}
        }}]}));
    });
}

/// The SDK configuration with the DynamoDB stub.
fn aws(claim: ClaimResult) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-south"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "bench")))
        .http_client(stub_client(claim))
        .build()
}

fn stub_client(claim: ClaimResult) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(StubResponse::from(claim));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct StubResponse {
    status: u16,
    body: String,
}

impl HttpConnector for StubResponse {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let status = StatusCode::try_from(self.status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, self.body.clone().into())))
    }
}

impl From<ClaimResult> for StubResponse {
    fn from(claim: ClaimResult) -> Self {
        match claim {
            ClaimResult::Won => Self { status: 200, body: json!({"Attributes": item()}).to_string() },
            ClaimResult::TooEarly => Self {
                status: 400,
                body: json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                    "message": "The conditional request failed", "Item": item(),
                })
                .to_string(),
            },
        }
    }
}

/// A key that was notified a minute ago.
fn item() -> Value {
    let text = |value: &str| json!({"S": value});
    let number = |value: u64| json!({"N": value.to_string()});
    let map = |value: Value| json!({"M": value});
    let claim = "019aaf60-0000-7000-8000-000000000001";
    let services = || map(json!({"cloud-object-storage": number(12), "databases-for-postgresql": number(1)}));
    json!({
        "pk": text(&format!("{INSTANCE}#{KEY}")), "sk": text("key"),
        "crn": text(&format!("crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:{INSTANCE}:key:{KEY}")),
        "key_type": text("root"), "state": number(5), "ring": text("default"),
        "version": map(json!({"id": text(KEY), "created_at": number(1_793_491_200_000)})),
        "event": map(json!({"action": text("delete"), "at": number(1_795_482_000_000)})),
        "notified_at": number(NOW - 60_000), "claim": text(claim), "lease": text(claim),
        "correlation_id": text("c-1"), "caller": text("IBMid-1"), "sequence": number(7),
        "services": services(), "pending": services(), "retries": map(json!({})), "outcome": map(json!({})),
    })
}
