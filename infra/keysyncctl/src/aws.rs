//! The AWS configuration of the environment, checked before the first call: the SDK's own errors
//! about a missing region or missing credentials do not say what to do.

use std::error::Error;

use aws_config::SdkConfig;
use aws_sdk_sqs::{config::ProvideCredentials, error::SdkError};
use keysync::http_client::aws;

use crate::failure::Failure;

/// The configuration, which has a region and credentials.
pub(crate) async fn config() -> Result<SdkConfig, Failure> {
    let config = aws::config().await;
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(Failure::usage("the AWS region is missing: set the environment variable AWS_REGION"));
    }
    let Some(provider) = config.credentials_provider() else {
        return Err(no_credentials("none are configured"));
    };
    provider.provide_credentials().await.map_err(|error| {
        no_credentials(&error.source().map_or_else(|| error.to_string(), ToString::to_string))
    })?;
    Ok(config)
}

fn no_credentials(reason: &str) -> Failure {
    Failure::Stopped(format!(
        "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({reason})"
    ))
}

/// The reason of a failed call, in a few words.
pub(crate) fn reason<E: aws_sdk_sqs::error::ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    match error {
        SdkError::ServiceError(response) => {
            let (code, message) = (response.err().code(), response.err().message());
            format!("{}: {}", code.unwrap_or("an error without a code"), message.unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "no response".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        _ => "the response is invalid".to_owned(),
    }
}
