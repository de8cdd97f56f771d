//! The environment of a function that runs in this process, in place of the process environment
//! that the binary reads.

use aws_config::SdkConfig;
use keysync::delivery::{SigningKeySource, SigningKeys};

use super::FunctionError;
use keysync_emulator_support::aws;

/// The environment variable from which the AWS SDK reads the URL of DynamoDB.
pub const DYNAMODB_URL: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// The environment variable from which the AWS SDK reads the URL of Secrets Manager.
pub const SECRETS_URL: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// Settings by name; of duplicates, the last one applies.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(pub(super) &'a [(String, String)]);

impl Environment<'_> {
    /// A setting's value.
    pub(super) fn get(self, name: &str) -> Option<String> {
        self.0.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// The configuration of the client of DynamoDB.
    pub(super) fn dynamodb(self) -> SdkConfig {
        aws::sdk_config(&self.get(DYNAMODB_URL).unwrap_or_default())
    }

    /// The signing keys, fetched from Secrets Manager if `source` names a secret. The client is
    /// configured like `aws`, except for the address.
    pub(super) async fn signing_keys(
        self,
        source: &SigningKeySource,
        aws: &SdkConfig,
    ) -> Result<SigningKeys, FunctionError> {
        let url = self.get(SECRETS_URL).unwrap_or_default();
        let aws = aws.clone().into_builder().endpoint_url(url).build();
        source.fetch(&aws).await.map_err(FunctionError::configuration)
    }
}
