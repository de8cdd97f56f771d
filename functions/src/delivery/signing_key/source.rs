//! The source of the signing keys: an environment variable, or a secret in AWS Secrets Manager that
//! is fetched once, at init.

use std::{error::Error, fmt, str::FromStr, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use zeroize::Zeroizing;

use super::{SigningKeyError, SigningKeys};
use crate::http_client::aws::{CallLimits, with_limits};

/// The setting with the name or ARN of the secret.
pub const SIGNING_KEY_SECRET: &str = "KEYSYNC_SIGNING_KEY_SECRET";

/// The limits of fetching the secret. Lambda's init phase has 10 s
/// (`docs/reference/limits.md#secret-call`).
const CALL_LIMITS: CallLimits = CallLimits {
    attempts: 3,
    attempt_timeout: Duration::from_millis(1500),
    call_timeout: Duration::from_secs(5),
};
/// The maximum length of the ARN or name of a secret, in bytes
/// (`docs/reference/limits.md#secret-id`).
const MAX_SECRET_ID_BYTES: usize = 2048;

/// The source of the signing keys.
#[derive(Clone, Debug)]
pub enum SigningKeySource {
    /// The setting contains the keys.
    Given(SigningKeys),
    /// A secret contains the keys.
    Secret(SecretId),
}

/// The ARN or name of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretId(String);

/// The signing keys could not be fetched, so the function does not start. Never contains the value
/// of the secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{secret}` in {SIGNING_KEY_SECRET} {problem}")]
pub struct SecretError {
    secret: SecretId,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("does not exist or has no value: check the name, the region and the account")]
    NotFound,
    #[error(
        "cannot be read without permission: grant the function's role `secretsmanager:GetSecretValue`, and \
         `kms:Decrypt` if a customer managed key encrypts it ({0})"
    )]
    Denied(String),
    #[error("could not be fetched: {0}")]
    Unavailable(String),
    #[error("is binary: store the signing key as text")]
    Binary,
    #[error("contains no valid signing key; the whole text, without key/value pairs, {0}")]
    InvalidKey(SigningKeyError),
}

impl SigningKeySource {
    /// The keys. Fetching a secret takes at most 5 s; keys in the setting take no call.
    pub async fn fetch(&self, aws: &aws_config::SdkConfig) -> Result<SigningKeys, SecretError> {
        match self {
            Self::Given(keys) => Ok(keys.clone()),
            Self::Secret(secret) => {
                fetch(secret, aws).await.map_err(|problem| SecretError { secret: secret.clone(), problem })
            }
        }
    }
}

async fn fetch(SecretId(secret): &SecretId, aws: &aws_config::SdkConfig) -> Result<SigningKeys, Problem> {
    let client = Client::new(&with_limits(aws, CALL_LIMITS));
    let output = client.get_secret_value().secret_id(secret).send().await?;
    let text = Zeroizing::new(output.secret_string.ok_or(Problem::Binary)?);
    text.parse().map_err(Problem::InvalidKey)
}

/// Omits the SDK's message for an invalid response: it quotes the response, and so the secret.
impl From<SdkError<GetSecretValueError>> for Problem {
    fn from(error: SdkError<GetSecretValueError>) -> Self {
        match &error {
            SdkError::ServiceError(response) => {
                let error = response.err();
                let code = error.code().unwrap_or("no code");
                let message = error.message().unwrap_or("no message");
                match code {
                    "ResourceNotFoundException" => Self::NotFound,
                    "AccessDeniedException" => Self::Denied(message.to_owned()),
                    _ => Self::Unavailable(format!("Secrets Manager responded with {code}: {message}")),
                }
            }
            SdkError::TimeoutError(_) => {
                let seconds = CALL_LIMITS.call_timeout.as_secs();
                Self::Unavailable(format!("no response from Secrets Manager within {seconds} s"))
            }
            SdkError::ResponseError(_) => {
                Self::Unavailable("the response of Secrets Manager is invalid".to_owned())
            }
            error => Self::Unavailable(with_causes(error)),
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}

impl FromStr for SecretId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The characters of names (Secrets Manager API reference, CreateSecret), and `:` of ARNs.
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!:".contains(c);
        if text.contains("whsk_") {
            return Err(
                "must be the name or ARN of the secret that contains the signing key, not the key itself",
            );
        }
        if text.is_empty() || text.len() > MAX_SECRET_ID_BYTES || !text.chars().all(is_allowed) {
            return Err("must be the name or ARN of a secret in AWS Secrets Manager");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::{Credentials, Region};
    use httpmock::{Method::POST, MockServer};
    use serde_json::{Value, json};
    use tokio::{net::TcpListener, time::Instant};

    use super::*;

    const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    async fn fetch_at(url: &str) -> Result<SigningKeys, String> {
        let aws = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(aws_sdk_secretsmanager::config::SharedCredentialsProvider::new(
                Credentials::new("test", "test", None, None, "test"),
            ))
            .endpoint_url(url)
            .http_client(crate::http_client::aws::http_client().unwrap())
            .build();
        let source = SigningKeySource::Secret("keysync/signing-key".parse().unwrap());
        source.fetch(&aws).await.map_err(|error| format!("{error} {error:?}"))
    }

    async fn fetch_response(status: u16, response: impl Into<Vec<u8>>) -> Result<SigningKeys, String> {
        let server = MockServer::start_async().await;
        let response = response.into();
        let mock = server
            .mock_async(|when, then| {
                when.method(POST)
                    .header("x-amz-target", "secretsmanager.GetSecretValue")
                    .json_body(json!({"SecretId": "keysync/signing-key"}));
                then.status(status).header("content-type", "application/x-amz-json-1.1").body(response);
            })
            .await;
        let keys = fetch_at(&server.base_url()).await;
        assert!(mock.calls_async().await > 0);
        keys
    }

    fn secret(text: &str) -> String {
        json!({"ARN": "arn:aws:secretsmanager:us-east-1:0:secret:keysync", "SecretString": text}).to_string()
    }

    fn error_response(kind: &str, message: &str) -> String {
        json!({"__type": kind, "message": message}).to_string()
    }

    #[tokio::test]
    async fn secret_has_the_format_of_the_setting() {
        let keys = fetch_response(200, secret(&format!("{KEY}\n"))).await.unwrap();
        let jwks: Value = serde_json::from_str(&keys.jwks()).unwrap();
        assert_eq!(jwks["keys"][0]["whpk"], PUBLIC);
    }

    #[tokio::test]
    async fn error_names_the_secret_without_its_value() {
        let as_pairs = json!({"signing_key": KEY}).to_string();
        let bytes = json!({"SecretBinary": "aHVudGVyMg=="}).to_string();
        let (denied, cause) = ("AccessDeniedException", "User: x is not authorized");
        let truncated = secret(KEY).replace('}', "");
        for (status, response, expected) in [
            (400, error_response("ResourceNotFoundException", "x"), "does not exist"),
            (400, error_response(denied, cause), "grant the function's role `secretsmanager:GetSecretValue`"),
            (400, error_response(denied, cause), cause),
            (400, error_response("InvalidRequestException", "marked for deletion"), "marked for deletion"),
            (400, "<html>".to_owned(), "could not be fetched: Secrets Manager"),
            (200, truncated, "could not be fetched: Secrets Manager"),
            (200, secret("whsk_hunter2"), "contains no valid signing key"),
            (200, secret(&as_pairs), "without key/value pairs"),
            (200, bytes, "is binary"),
        ] {
            let error = fetch_response(status, response).await.unwrap_err();
            assert!(error.contains("`keysync/signing-key`") && error.contains(SIGNING_KEY_SECRET), "{error}");
            assert!(error.contains(expected), "{expected} is missing in\n{error}");
            for part in ["nWGx", "hunter2", "aHVudGVyMg"] {
                assert!(!error.contains(part), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn outage_is_reported_after_retries() {
        let error = fetch_response(500, error_response("InternalServiceError", "x")).await.unwrap_err();
        assert!(error.contains("Secrets Manager responded with InternalServiceError: x"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn unresponsive_secrets_manager_times_out_after_5_s() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let started = Instant::now();
        let error = fetch_at(&url).await.unwrap_err();
        assert!(started.elapsed() <= CALL_LIMITS.call_timeout, "{:?}", started.elapsed());
        assert!(error.contains("no response from Secrets Manager within 5 s"), "{error}");
    }

    #[test]
    fn setting_names_a_secret_and_rejects_keys() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:keysync/signing-key-AbCdEf";
        for valid in [arn, "keysync/signing-key"] {
            assert_eq!(valid.parse::<SecretId>().unwrap().to_string(), valid);
        }
        for invalid in ["", "a b", KEY, "a\nb", &"a".repeat(2049)] {
            let message = invalid.parse::<SecretId>().unwrap_err();
            assert!(!message.contains("nWGx"), "{message}");
        }
    }
}
