//! Configuration of AWS clients that call the emulated services.

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};

/// The configuration of an AWS client that calls the emulated service at `url`. It reads neither
/// the environment nor a file: a developer's AWS settings (FIPS or dual-stack endpoints, a profile,
/// the number of attempts) do not apply to emulators.
#[must_use]
pub fn sdk_config(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .retry_config(RetryConfig::standard())
        // On a busy machine a response can stall for longer than the default grace period.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(keysync::http_client::aws::http_client())
        .build()
}

/// Placeholder credentials: emulators accept any.
fn credentials() -> Credentials {
    Credentials::new("harness", "harness", None, None, "harness")
}
