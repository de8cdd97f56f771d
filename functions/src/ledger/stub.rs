//! A stub of DynamoDB that records requests and responds from a script.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use serde_json::{Value, json};

use crate::{
    domain::{ClaimId, EpochMillis},
    ledger::{ClaimRequest, DynamoDbClient, Ledger},
};

pub(in crate::ledger) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";
pub(in crate::ledger) const TOKEN: &str = "IQoJb3JpZ2luX2Vj";
const CLAIM: &str = "019aaf60-0000-7000-8000-000000000001";
pub(in crate::ledger) const CRN: &str = "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d";

/// What the stub does with a request.
#[derive(Clone, Debug)]
pub(in crate::ledger) enum Step {
    Respond(u16, Value),
    /// Responds with the JSON and this checksum.
    Checksum(&'static str, Value),
    /// Responds with a claimed key at this time.
    At(SystemTime),
    Cut,
    Hang,
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Sent {
    pub(in crate::ledger) headers: HashMap<String, String>,
    pub(in crate::ledger) uri: String,
    pub(in crate::ledger) body: Value,
}

impl Sent {
    /// Whether the SDK sent it.
    pub(in crate::ledger) fn is_by_sdk(&self) -> bool {
        self.headers.contains_key("amz-sdk-request")
    }

    pub(in crate::ledger) fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }
}

#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct Stub {
    steps: Arc<Mutex<VecDeque<Step>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Stub {
    /// A stub that takes these steps, and responds with a claimed key to all other requests.
    pub(in crate::ledger) fn with(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), ..Self::default() }
    }

    /// Drops the remaining steps.
    pub(in crate::ledger) fn end_outage(&self) {
        self.steps.lock().unwrap().clear();
    }

    pub(in crate::ledger) fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// The configuration of the SDK with this stub.
    pub(in crate::ledger) fn sdk_config(&self) -> SdkConfig {
        self.with_credentials(SharedCredentialsProvider::new(credentials("AKIDEXAMPLE")))
    }

    pub(in crate::ledger) fn with_credentials(&self, provider: SharedCredentialsProvider) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-de"))
            .credentials_provider(provider)
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    pub(in crate::ledger) fn ledger(&self, client: DynamoDbClient) -> Ledger {
        Ledger::new(&self.sdk_config(), "keysync".to_owned()).with_client(client)
    }
}

impl HttpConnector for Stub {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        self.sent.lock().unwrap().push(Sent {
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            uri: request.uri().to_owned(),
            body: serde_json::from_slice(request.body().bytes().unwrap()).unwrap(),
        });
        let step = self.steps.lock().unwrap().pop_front();
        let respond = |status: u16, checksum: Option<&str>, body: &Value| {
            let body = body.to_string();
            let checksum =
                checksum.map_or_else(|| crc32fast::hash(body.as_bytes()).to_string(), str::to_owned);
            let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), body.into());
            response.headers_mut().insert("x-amz-crc32", checksum);
            Ok(response)
        };
        match step.unwrap_or_else(|| Step::Respond(200, json!({"Attributes": item()}))) {
            Step::Respond(status, body) => HttpConnectorFuture::ready(respond(status, None, &body)),
            Step::Checksum(checksum, body) => HttpConnectorFuture::ready(respond(200, Some(checksum), &body)),
            Step::At(time) => {
                let mut response = respond(200, None, &json!({"Attributes": item()}));
                let date = httpdate::fmt_http_date(time);
                let _ = response.as_mut().map(|response| response.headers_mut().insert("date", date));
                HttpConnectorFuture::ready(response)
            }
            Step::Cut => HttpConnectorFuture::ready(Err(ConnectorError::io("cut".into()))),
            Step::Hang => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

pub(in crate::ledger) fn credentials(access_key: &str) -> Credentials {
    Credentials::new(access_key, SECRET, Some(TOKEN.to_owned()), None, "test")
}

pub(in crate::ledger) fn error(status: u16, kind: &str) -> Step {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    Step::Respond(status, json!({"__type": kind, "message": "a message", "Item": item()}))
}

/// The response to a write whose condition failed for this item.
pub(in crate::ledger) fn condition_failed(item: Option<&Value>) -> Step {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    Step::Respond(400, json!({"__type": kind, "Item": item}))
}

/// The response to a transaction that was cancelled for these reasons.
pub(in crate::ledger) fn cancelled(codes: &[&str]) -> Step {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
    Step::Respond(400, json!({"__type": kind, "CancellationReasons": reasons}))
}

/// The response with this item to a read.
pub(in crate::ledger) fn found(item: &Value) -> Step {
    Step::Respond(200, json!({"Item": item}))
}

/// The item with other attributes.
pub(in crate::ledger) fn with(mut item: Value, attributes: Value) -> Value {
    let Value::Object(attributes) = attributes else { panic!("not an object: {attributes}") };
    item.as_object_mut().unwrap().extend(attributes);
    item
}

/// A key whose last notification is the one of [`claim`].
pub(in crate::ledger) fn item() -> Value {
    json!({
        "crn": {"S": CRN}, "key_type": {"S": "root"}, "state": {"N": "5"}, "ring": {"S": "default"},
        "version": {"M": {"id": {"S": "v"}, "created_at": {"N": "1793491200000"}}},
        "event": {"M": {"action": {"S": "delete"}, "at": {"N": "1795482000000"}}},
        "notified_at": {"N": "1795496400000"}, "claim": {"S": CLAIM}, "lease": {"S": CLAIM},
        "pending": {"M": {"cloud-object-storage": {"N": "12"}}},
    })
}

pub(in crate::ledger) fn claim() -> ClaimRequest {
    ClaimRequest {
        key: CRN.parse().unwrap(),
        ring: None,
        caller: "IBMid-1".parse().unwrap(),
        correlation_id: "c-1".parse().unwrap(),
        claim: CLAIM.parse::<ClaimId>().unwrap(),
        now: EpochMillis::new(1_795_496_400_000),
        lease: Duration::from_secs(30),
    }
}
