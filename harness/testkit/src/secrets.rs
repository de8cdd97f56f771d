//! Emulator of AWS Secrets Manager with the operation `GetSecretValue` (AWS JSON 1.1).
//!
//! By default, the signing key is in the functions' environment. If the builder names a secret
//! instead, the functions fetch it from this emulator when they start:
//!
//! ```
//! use keysync_testkit::{Harness, secrets::SIGNING_KEY};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), keysync_testkit::HarnessError> {
//! let harness = Harness::builder().env("KEYSYNC_SIGNING_KEY_SECRET", SIGNING_KEY).start().await?;
//! // In the test's process, all three functions start at once, and each has read it.
//! assert_eq!(harness.secrets().reads(), 3);
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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use keysync_emulator_support::{context::Context, secret_scanner::KnownSecrets, server::Server};

/// The secret that holds the signing key.
///
/// ```
/// assert_eq!(keysync_testkit::secrets::SIGNING_KEY, "keysync/signing-key");
/// ```
pub const SIGNING_KEY: &str = "keysync/signing-key";

/// The secret that holds the symmetric secrets of services, if the builder sets one.
///
/// ```
/// assert_eq!(keysync_testkit::secrets::SERVICE_SECRETS, "keysync/service-secrets");
/// ```
pub const SERVICE_SECRETS: &str = "keysync/service-secrets";

/// Secrets Manager. Dropping it ends it.
#[derive(Debug)]
pub struct SecretsManager {
    server: Server,
    shared: Arc<Shared>,
}

/// A fault of each read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control-api", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// The function's role has no permission to read the secret.
    Denied,
    /// The service responds with 500.
    Down,
    /// The service accepts the request and never responds.
    Hang,
}

struct Shared {
    /// The initial secrets.
    initial: BTreeMap<String, String>,
    /// The secrets to scan for.
    known: KnownSecrets,
    state: Mutex<Store>,
}

/// Without the fields: they contain secrets.
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
    /// Starts the emulator with the signing key in the secret [`SIGNING_KEY`], and the symmetric
    /// secrets of services, pairs of service and secret, in [`SERVICE_SECRETS`].
    pub(crate) async fn start(
        signing_key: &str,
        symmetric: &[(String, String)],
        context: &Context,
    ) -> std::io::Result<Self> {
        let known = context.secrets.clone();
        let mut of_services = BTreeMap::<_, Vec<_>>::new();
        for (service, secret) in symmetric {
            of_services.entry(service).or_default().push(secret);
        }
        let initial = BTreeMap::from([
            (SIGNING_KEY.to_owned(), signing_key.to_owned()),
            (SERVICE_SECRETS.to_owned(), json!(of_services).to_string()),
        ]);
        for value in initial.values() {
            known.add_signing_keys(value);
        }
        let shared = Arc::new(Shared { initial, known, state: Mutex::default() });
        shared.reset();
        let router = Router::new().route("/", post(get_secret_value)).with_state(shared.clone());
        Ok(Self { server: Server::start(router, &context.guard).await?, shared })
    }

    /// The URL, which is `AWS_ENDPOINT_URL_SECRETS_MANAGER` of the functions.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stores a secret. Running functions do not fetch it again.
    pub fn put(&self, name: &str, value: &str) {
        self.shared.known.add_signing_keys(value);
        self.shared.store().values.insert(name.to_owned(), value.to_owned());
    }

    /// Sets the fault of all further reads, or removes it.
    pub fn fail_with(&self, fault: Option<Fault>) {
        self.shared.store().fault = fault;
    }

    /// The fault of reads.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.shared.store().fault
    }

    /// The number of reads, including failed ones.
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
        *self.store() = Store { values: self.initial.clone(), ..Store::default() };
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
        return reject(StatusCode::BAD_REQUEST, "InvalidParameterException", "SecretId is missing");
    };
    if operation != "secretsmanager.GetSecretValue" {
        return reject(StatusCode::BAD_REQUEST, "UnknownOperationException", operation);
    }
    let (fault, value) = {
        let mut store = shared.store();
        store.reads += 1;
        (store.fault, store.values.get(&secret_id).cloned())
    };
    match (fault, value) {
        (Some(Fault::Denied), _) => reject(
            StatusCode::BAD_REQUEST,
            "AccessDeniedException",
            "User: arn:aws:sts::000000000000:assumed-role/keysync/sync is not authorized to perform: \
             secretsmanager:GetSecretValue because no identity-based policy allows the action",
        ),
        (Some(Fault::Down), _) => reject(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceError", "down"),
        (Some(Fault::Hang), _) => std::future::pending().await,
        (None, None) => reject(
            StatusCode::BAD_REQUEST,
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        ),
        (None, Some(value)) => respond(
            StatusCode::OK,
            &json!({
                "ARN": format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{secret_id}"),
                "Name": secret_id, "SecretString": value, "VersionStages": ["AWSCURRENT"],
            }),
        ),
    }
}

fn reject(status: StatusCode, kind: &str, message: &str) -> Response {
    respond(status, &json!({"__type": kind, "message": message}))
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
