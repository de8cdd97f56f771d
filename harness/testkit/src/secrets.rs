//! AWS Secrets Manager, as much of it as it takes to read a secret (`GetSecretValue`, AWS JSON 1.1).
//!
//! The functions are given the signing key in their environment. Where the builder names a secret for it instead,
//! they fetch that from here when they start:
//!
//! ```
//! use keysync_testkit::{Harness, secrets::SIGNING_KEY};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_testkit::HarnessError> {
//! let harness = Harness::builder().env("KEYSYNC_SIGNING_KEY_SECRET", SIGNING_KEY).start().await?;
//! assert_eq!(harness.secrets().reads(), 1); // by `sync`; the others start when they are first needed
//! # Ok(())
//! # }
//! ```

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use serde_json::{Value, json};

use keysync_emulator_support::{context::Context, secret_scanner::KnownSecrets, server::Server};

/// The secret that holds the signing key.
///
/// ```
/// assert_eq!(keysync_testkit::secrets::SIGNING_KEY, "keysync/signing-key");
/// ```
pub const SIGNING_KEY: &str = "keysync/signing-key";

/// Secrets Manager. Dropping it ends it.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    shared: Arc<Shared>,
}

/// What goes wrong with each read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The function's role may not read it.
    Denied,
    /// The service answers 500.
    Down,
    /// The service takes the request and never answers.
    Hang,
}

struct Shared {
    /// The signing key's value at the start.
    signing_key: String,
    /// What no function may print.
    known: KnownSecrets,
    state: Mutex<Store>,
}

/// Not printed: it holds secrets.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

#[derive(Default)]
struct Store {
    values: BTreeMap<String, String>,
    fault: Option<Fault>,
    reads: usize,
}

impl SecretsManager {
    /// Starts it with the signing key in [`SIGNING_KEY`].
    pub(crate) async fn start(signing_key: &str, context: &Context) -> std::io::Result<Self> {
        let known = context.secrets.clone();
        known.add_signing_keys(signing_key);
        let signing_key = signing_key.to_owned();
        let shared = Arc::new(Shared { signing_key, known, state: Mutex::default() });
        shared.reset();
        let router = Router::new().route("/", post(get_secret_value)).with_state(shared.clone());
        Ok(Self { server: Server::start(router, &context.guard).await?, shared })
    }

    /// Its address, `AWS_ENDPOINT_URL_SECRETS_MANAGER` of the functions.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stores a secret. A function that runs already does not notice.
    pub fn put(&self, name: &str, value: &str) {
        self.shared.known.add_signing_keys(value);
        self.shared.store().values.insert(name.to_owned(), value.to_owned());
    }

    /// Lets every read fail from now on, or none.
    pub fn fail_with(&self, fault: Option<Fault>) {
        self.shared.store().fault = fault;
    }

    /// How often a secret was asked for, whatever came of it.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.shared.store().reads
    }

    pub(crate) fn reset(&self) {
        self.shared.reset();
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.state.lock()
    }

    fn reset(&self) {
        let values = BTreeMap::from([(SIGNING_KEY.to_owned(), self.signing_key.clone())]);
        *self.store() = Store { values, ..Store::default() };
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
}

async fn get_secret_value(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Ok(GetSecretValue { secret_id }) = serde_json::from_slice(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "InvalidParameterException", "no SecretId");
    };
    if operation != "secretsmanager.GetSecretValue" {
        return refuse(StatusCode::BAD_REQUEST, "UnknownOperationException", operation);
    }
    let (fault, value) = {
        let mut store = shared.store();
        store.reads += 1;
        (store.fault, store.values.get(&secret_id).cloned())
    };
    match (fault, value) {
        (Some(Fault::Denied), _) => refuse(
            StatusCode::BAD_REQUEST,
            "AccessDeniedException",
            "User: arn:aws:sts::000000000000:assumed-role/keysync/sync is not authorized to perform: \
             secretsmanager:GetSecretValue because no identity-based policy allows the action",
        ),
        (Some(Fault::Down), _) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError", "down"),
        (Some(Fault::Hang), _) => std::future::pending().await,
        (None, None) => refuse(
            StatusCode::BAD_REQUEST,
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        ),
        (None, Some(value)) => answer(
            StatusCode::OK,
            &json!({
                "ARN": format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{secret_id}"),
                "Name": secret_id, "SecretString": value, "VersionStages": ["AWSCURRENT"],
            }),
        ),
    }
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    answer(status, &json!({"__type": kind, "message": message}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
