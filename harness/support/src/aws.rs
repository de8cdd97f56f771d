//! AWS clients of what is emulated on this machine.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};

/// The configuration of an AWS client of what is emulated at `url`. Nothing of it is read from the environment or from
/// a file: what a developer has configured for AWS (FIPS or dual-stack endpoints, a profile, attempts) is not for here.
pub fn sdk_config(url: &str) -> Result<SdkConfig, reqwest::Error> {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .retry_config(RetryConfig::standard())
        .http_client(keysync::http_client::aws::http_client()?);
    Ok(config.build())
}

/// Credentials that mean nothing: engines on this machine take any.
fn credentials() -> Credentials {
    Credentials::new("harness", "harness", None, None, "harness")
}
