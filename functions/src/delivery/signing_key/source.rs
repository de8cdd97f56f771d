//! Where the keys that sign callbacks are: in the environment, or in a secret of AWS Secrets Manager, which
//! is read once, before the function takes its first event.

use std::{error::Error, fmt, str::FromStr, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use zeroize::Zeroizing;

use super::{SigningKeyError, SigningKeys};

/// The setting that names the secret.
pub const SIGNING_KEY_SECRET: &str = "KEYSYNC_SIGNING_KEY_SECRET";

/// One try at the secret, answer included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// All tries together. Lambda gives a function 10 s to start.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries at the secret.
const ATTEMPTS: u32 = 3;
/// The longest ARN or name of a secret, in bytes.
const MAX_SECRET_ID_BYTES: usize = 2048;

/// Where the signing keys are.
#[derive(Clone, Debug)]
pub enum SigningKeySource {
    /// In the setting itself.
    Given(SigningKeys),
    /// In a secret.
    Secret(SecretId),
}

/// The ARN or the name of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretId(String);

/// The signing keys cannot be had, so the function must not start. What is in the secret is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{secret}`, which {SIGNING_KEY_SECRET} names, {problem}")]
pub struct SecretError {
    secret: SecretId,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("is not there, or has no value: look at its name, the region and the account")]
    NotFound,
    #[error(
        "may not be read: the function's role needs `secretsmanager:GetSecretValue` on it, and `kms:Decrypt` on its \
         key where that is a customer managed one ({0})"
    )]
    Denied(String),
    #[error("cannot be read: {0}")]
    Unavailable(String),
    #[error("holds bytes: the signing key has to be stored as text")]
    NoText,
    #[error("holds no signing key, which {0}: the whole text and nothing else, no key/value pairs")]
    NoKey(SigningKeyError),
}

impl SigningKeySource {
    /// The keys. Takes 5 s at the most, and no call where they are given.
    pub async fn fetch(&self, aws: &aws_config::SdkConfig) -> Result<SigningKeys, SecretError> {
        match self {
            Self::Given(keys) => Ok(keys.clone()),
            Self::Secret(secret) => {
                read(secret, aws).await.map_err(|problem| SecretError { secret: secret.clone(), problem })
            }
        }
    }
}

async fn read(SecretId(secret): &SecretId, aws: &aws_config::SdkConfig) -> Result<SigningKeys, Problem> {
    let answer = client(aws).get_secret_value().secret_id(secret).send().await?;
    let text = Zeroizing::new(answer.secret_string.ok_or(Problem::NoText)?);
    text.parse().map_err(Problem::NoKey)
}

fn client(aws: &aws_config::SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let config = aws_sdk_secretsmanager::config::Builder::from(aws)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

/// Without the SDK's own words for an answer that it could not read: they hold the answer, and so the secret.
impl From<SdkError<GetSecretValueError>> for Problem {
    fn from(error: SdkError<GetSecretValueError>) -> Self {
        match &error {
            SdkError::ServiceError(answer) => {
                let error = answer.err();
                let code = error.code().unwrap_or("no code");
                let message = error.message().unwrap_or("no message");
                match code {
                    "ResourceNotFoundException" => Self::NotFound,
                    "AccessDeniedException" => Self::Denied(message.to_owned()),
                    _ => Self::Unavailable(format!("Secrets Manager answers {code}: {message}")),
                }
            }
            SdkError::TimeoutError(_) => {
                let seconds = CALL_TIMEOUT.as_secs();
                Self::Unavailable(format!("Secrets Manager does not answer within {seconds} s"))
            }
            SdkError::ResponseError(_) => {
                Self::Unavailable("Secrets Manager's answer makes no sense".to_owned())
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
        // The characters of names (API reference, CreateSecret), and the colon of ARNs.
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-!:".contains(c);
        if text.contains("whsk_") {
            return Err("must name the secret that holds the signing key, and must not be the key");
        }
        if text.is_empty() || text.len() > MAX_SECRET_ID_BYTES || !text.chars().all(is_fit) {
            return Err("must be the ARN or the name of a secret in AWS Secrets Manager");
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

    async fn fetch(status: u16, answer: impl Into<Vec<u8>>) -> Result<SigningKeys, String> {
        let server = MockServer::start_async().await;
        let answer = answer.into();
        let mock = server
            .mock_async(|when, then| {
                when.method(POST)
                    .header("x-amz-target", "secretsmanager.GetSecretValue")
                    .json_body(json!({"SecretId": "keysync/signing-key"}));
                then.status(status).header("content-type", "application/x-amz-json-1.1").body(answer);
            })
            .await;
        let keys = fetch_at(&server.base_url()).await;
        assert!(mock.calls_async().await > 0);
        keys
    }

    fn secret(text: &str) -> String {
        json!({"ARN": "arn:aws:secretsmanager:us-east-1:0:secret:keysync", "SecretString": text}).to_string()
    }

    fn refusal(kind: &str, message: &str) -> String {
        json!({"__type": kind, "message": message}).to_string()
    }

    #[tokio::test]
    async fn a_secret_is_read_as_the_setting_is() {
        let keys = fetch(200, secret(&format!("{KEY}\n"))).await.unwrap();
        let jwks: Value = serde_json::from_str(&keys.jwks()).unwrap();
        assert_eq!(jwks["keys"][0]["whpk"], PUBLIC);
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_with_the_secrets_name_and_never_with_its_value() {
        let as_pairs = json!({"signing_key": KEY}).to_string();
        let bytes = json!({"SecretBinary": "aHVudGVyMg=="}).to_string();
        let (denied, lacks) = ("AccessDeniedException", "User: x is not authorized");
        let cut_short = secret(KEY).replace('}', "");
        for (status, answer, said) in [
            (400, refusal("ResourceNotFoundException", "x"), "is not there"),
            (400, refusal(denied, lacks), "needs `secretsmanager:GetSecretValue` on it"),
            (400, refusal(denied, lacks), lacks),
            (400, refusal("InvalidRequestException", "marked for deletion"), "marked for deletion"),
            (400, "<html>".to_owned(), "cannot be read: Secrets Manager"),
            (200, cut_short, "cannot be read: Secrets Manager"),
            (200, secret("whsk_hunter2"), "holds no signing key"),
            (200, secret(&as_pairs), "no key/value pairs"),
            (200, bytes, "holds bytes"),
        ] {
            let error = fetch(status, answer).await.unwrap_err();
            assert!(error.contains("`keysync/signing-key`") && error.contains(SIGNING_KEY_SECRET), "{error}");
            assert!(error.contains(said), "{said} is missing in\n{error}");
            for part in ["nWGx", "hunter2", "aHVudGVyMg"] {
                assert!(!error.contains(part), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn an_outage_is_tried_against_and_told() {
        let error = fetch(500, refusal("InternalServiceError", "x")).await.unwrap_err();
        assert!(error.contains("Secrets Manager answers InternalServiceError: x"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_waited_for_five_seconds_at_the_most() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let started = Instant::now();
        let error = fetch_at(&url).await.unwrap_err();
        assert!(started.elapsed() <= CALL_TIMEOUT, "{:?}", started.elapsed());
        assert!(error.contains("does not answer within 5 s"), "{error}");
    }

    #[test]
    fn a_secret_is_named_and_not_pasted() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:keysync/signing-key-AbCdEf";
        for good in [arn, "keysync/signing-key"] {
            assert_eq!(good.parse::<SecretId>().unwrap().to_string(), good);
        }
        for bad in ["", "a b", KEY, "a\nb", &"a".repeat(2049)] {
            let message = bad.parse::<SecretId>().unwrap_err();
            assert!(!message.contains("nWGx"), "{message}");
        }
    }
}
