//! The environment of a function that runs in this process: it reads these settings as the binary reads its
//! process's.

use aws_config::SdkConfig;
use keysync::delivery::{SigningKeySource, SigningKeys};

use super::FunctionError;
use keysync_emulator_support::aws;

/// Where the AWS SDK looks for DynamoDB.
pub const DYNAMODB_URL: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// Where it looks for Secrets Manager.
pub const SECRETS_URL: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// Settings by name; where one is there twice, the last counts.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(pub(super) &'a [(String, String)]);

impl Environment<'_> {
    /// A setting.
    pub(super) fn get(self, name: &str) -> Option<String> {
        self.0.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// The way to DynamoDB.
    pub(super) fn dynamodb(self) -> Result<SdkConfig, FunctionError> {
        let url = self.get(DYNAMODB_URL).unwrap_or_default();
        aws::sdk_config(&url).map_err(FunctionError::configuration)
    }

    /// The keys that sign, fetched where they are in a secret; with `aws` but for the address.
    pub(super) async fn signing_keys(
        self,
        source: &SigningKeySource,
        aws: &SdkConfig,
    ) -> Result<SigningKeys, FunctionError> {
        let at = self.get(SECRETS_URL).unwrap_or_default();
        let aws = aws.clone().into_builder().endpoint_url(at).build();
        source.fetch(&aws).await.map_err(FunctionError::configuration)
    }
}
