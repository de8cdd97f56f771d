//! Secrets of AWS Secrets Manager, fetched once, at init.

use std::{error::Error, fmt, str::FromStr, time::Duration};

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use zeroize::Zeroizing;

use super::{SigningKeyError, SymmetricKeyError};
use crate::http_client::aws::{CallLimits, with_limits};

/// The limits of fetching the secret. Lambda's init phase has 10 s
/// (`docs/reference/limits.md#secret-call`).
pub(super) const CALL_LIMITS: CallLimits = CallLimits {
    attempts: 3,
    attempt_timeout: Duration::from_millis(1500),
    call_timeout: Duration::from_secs(5),
};
/// The maximum length of the ARN or name of a secret, in bytes
/// (`docs/reference/limits.md#secret-id`).
const MAX_SECRET_ID_BYTES: usize = 2048;

/// The ARN or name of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretId(String);

/// Keys could not be fetched, so the function does not start. Never contains the value of the
/// secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{secret}` in {setting} {problem}")]
pub struct SecretError {
    setting: &'static str,
    secret: SecretId,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("does not exist or has no value: check the name, the region and the account")]
    NotFound,
    #[error(
        "cannot be read without permission: grant the function's role `secretsmanager:GetSecretValue`, and \
         `kms:Decrypt` if a customer managed key encrypts it ({0})"
    )]
    Denied(String),
    #[error("could not be fetched: {0}")]
    Unavailable(String),
    #[error("is binary: store its value as text")]
    Binary,
    #[error("contains no valid signing key; the whole text, without key/value pairs, {0}")]
    InvalidKey(#[from] SigningKeyError),
    #[error("is invalid: {0}")]
    InvalidSymmetricKeys(#[from] SymmetricKeyError),
}

impl SecretId {
    /// Fetches the secret that `setting` names and parses its text. Takes at most 5 s.
    pub(super) async fn fetch<T, E: Into<Problem>>(
        &self,
        setting: &'static str,
        aws: &aws_config::SdkConfig,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, SecretError> {
        let text = self.fetch_text(aws).await;
        let parsed = text.and_then(|text| parse(&text).map_err(Into::into));
        parsed.map_err(|problem| SecretError { setting, secret: self.clone(), problem })
    }

    async fn fetch_text(&self, aws: &aws_config::SdkConfig) -> Result<Zeroizing<String>, Problem> {
        let client = Client::new(&with_limits(aws, CALL_LIMITS));
        let output = client.get_secret_value().secret_id(&self.0).send().await?;
        output.secret_string.map(Zeroizing::new).ok_or(Problem::Binary)
    }
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
        if text.contains("whsk_") || text.contains("whsec_") {
            return Err("must be the name or ARN of the secret that contains the key, not the key itself");
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
    use super::*;

    #[test]
    fn setting_names_a_secret_and_rejects_keys() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:keysync/signing-key-AbCdEf";
        for valid in [arn, "keysync/signing-key"] {
            assert_eq!(valid.parse::<SecretId>().unwrap().to_string(), valid);
        }
        let keys =
            ["whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
        for invalid in ["", "a b", keys[0], keys[1], "a\nb", &"a".repeat(2049)] {
            let message = invalid.parse::<SecretId>().unwrap_err();
            assert!(!message.contains("nWGx") && !message.contains("MfKQ"), "{message}");
        }
    }

    #[test]
    fn secret_id_of_maximum_length_is_accepted() {
        let id = |bytes: usize| "a".repeat(bytes).parse::<SecretId>();
        assert!(id(MAX_SECRET_ID_BYTES).is_ok() && id(MAX_SECRET_ID_BYTES + 1).is_err());
    }

    #[test]
    fn error_text_has_all_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::num::ParseIntError);
        let cause = "x".parse::<u8>().unwrap_err();
        assert_eq!(with_causes(&Outer(cause.clone())), format!("outer: {cause}"));
    }
}
