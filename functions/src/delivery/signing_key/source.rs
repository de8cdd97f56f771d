//! The sources of the keys that sign callbacks: an environment variable, or secrets in AWS Secrets
//! Manager that are fetched once, at init.

use std::collections::BTreeSet;

use super::{SecretError, SecretId, SigningKeys, symmetric::SymmetricKeys};
use crate::domain::ServiceName;

/// The setting with the name or ARN of the secret with the signing keys.
pub const SIGNING_KEY_SECRET: &str = "KEYSYNC_SIGNING_KEY_SECRET";
/// The setting with the name or ARN of the secret with the symmetric secrets of services.
pub const SERVICE_SECRETS: &str = "KEYSYNC_SERVICE_SECRETS";

/// The sources of all keys.
#[derive(Clone, Debug)]
pub struct SigningKeySource {
    /// The keys that sign every callback.
    pub keys: KeySource,
    /// The symmetric secrets; `None` if no service has one.
    pub symmetric: Option<SymmetricKeySource>,
}

/// The source of the keys that sign every callback.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The setting contains the keys.
    Given(SigningKeys),
    /// A secret contains the keys.
    Secret(SecretId),
}

/// The source of the symmetric secrets of services.
#[derive(Clone, Debug)]
pub struct SymmetricKeySource {
    /// The secret that contains them.
    pub secret: SecretId,
    /// The services that must have one.
    pub services: BTreeSet<ServiceName>,
}

impl SigningKeySource {
    /// The keys. Fetching takes at most 5 s: both secrets are read at once. Keys in the setting
    /// take no call.
    pub async fn fetch(&self, aws: &aws_config::SdkConfig) -> Result<SigningKeys, SecretError> {
        let (keys, symmetric) = tokio::try_join!(self.fetch_keys(aws), self.fetch_symmetric(aws))?;
        Ok(SigningKeys { symmetric, ..keys })
    }

    async fn fetch_keys(&self, aws: &aws_config::SdkConfig) -> Result<SigningKeys, SecretError> {
        match &self.keys {
            KeySource::Given(keys) => Ok(keys.clone()),
            KeySource::Secret(secret) => {
                secret.fetch(SIGNING_KEY_SECRET, aws, str::parse::<SigningKeys>).await
            }
        }
    }

    async fn fetch_symmetric(&self, aws: &aws_config::SdkConfig) -> Result<SymmetricKeys, SecretError> {
        let Some(SymmetricKeySource { secret, services }) = &self.symmetric else {
            return Ok(SymmetricKeys::default());
        };
        secret.fetch(SERVICE_SECRETS, aws, |text| SymmetricKeys::from_json(text, services)).await
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::config::{Credentials, Region};
    use httpmock::{Method::POST, MockServer};
    use serde_json::{Value, json};
    use tokio::{net::TcpListener, time::Instant};

    use super::{super::secret::CALL_LIMITS, *};

    const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    async fn fetch_at(url: &str, services: Option<&str>) -> Result<SigningKeys, String> {
        let aws = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(aws_sdk_secretsmanager::config::SharedCredentialsProvider::new(
                Credentials::new("test", "test", None, None, "test"),
            ))
            .endpoint_url(url)
            .http_client(crate::http_client::aws::http_client())
            .build();
        let keys = KeySource::Secret("keysync/signing-key".parse().unwrap());
        let symmetric = services.map(|service| SymmetricKeySource {
            secret: "keysync/service-secrets".parse().unwrap(),
            services: BTreeSet::from([service.parse().unwrap()]),
        });
        let source = SigningKeySource { keys, symmetric };
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
        let keys = fetch_at(&server.base_url(), None).await;
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
        let error = fetch_at(&url, None).await.unwrap_err();
        assert!(started.elapsed() <= CALL_LIMITS.call_timeout, "{:?}", started.elapsed());
        assert!(error.contains("no response from Secrets Manager within 5 s"), "{error}");
    }

    #[tokio::test]
    async fn symmetric_secrets_are_fetched_from_their_own_secret() {
        let server = MockServer::start_async().await;
        let serve = |name: &'static str, text: String| {
            server.mock_async(move |when, then| {
                when.method(POST).json_body(json!({"SecretId": name}));
                then.status(200).header("content-type", "application/x-amz-json-1.1").body(secret(&text));
            })
        };
        let symmetric = json!({"ledgers": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}).to_string();
        serve("keysync/signing-key", KEY.to_owned()).await;
        serve("keysync/service-secrets", symmetric).await;
        let keys = fetch_at(&server.base_url(), Some("ledgers")).await.unwrap();
        assert_eq!(keys.symmetric.of(&"ledgers".parse().unwrap()).len(), 1);
        let error = fetch_at(&server.base_url(), Some("databases")).await.unwrap_err();
        assert!(error.contains(
            "the secret `keysync/service-secrets` in KEYSYNC_SERVICE_SECRETS is invalid: `databases`"
        ));
        assert!(!error.contains("MfKQ"), "{error}");
    }
}
