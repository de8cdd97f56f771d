//! The options for the key-management endpoint, shared by all commands that use it.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use keysync::{domain::InstanceId, http_client::HttpClient};
use url::Url;
use zeroize::Zeroizing;

use super::{Endpoint, retry::RetryPolicy, token::Tokens};
use crate::{failure::Failure, values};

/// The environment variable with the API key, as IBM Cloud's own command uses it.
const API_KEY: &str = "IBMCLOUD_API_KEY";

#[derive(Args, Debug)]
#[command(next_help_heading = "Endpoint")]
pub(crate) struct EndpointArgs {
    /// Base URL of the key-management API, such as `https://us-south.kms.cloud.ibm.com`.
    #[arg(long, value_name = "URL", env = "KEYSYNCCTL_ENDPOINT", value_parser = values::base_url)]
    pub(crate) endpoint: Url,
    /// Base URL of IAM.
    #[arg(
        long,
        value_name = "URL",
        env = "KEYSYNCCTL_IAM_URL",
        default_value = "https://iam.cloud.ibm.com",
        value_parser = values::base_url
    )]
    pub(crate) iam_url: Url,
    /// Id of the instance that holds the keys.
    #[arg(long, value_name = "UUID", env = "KEYSYNCCTL_INSTANCE")]
    pub(crate) instance: Option<InstanceId>,
    /// File with the IAM API key. Without it, the key is read from the environment variable
    /// `IBMCLOUD_API_KEY`. There is no option for the key itself: other users could read it.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Attempts of a request that is throttled (429), gets a 5xx or gets no response.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    max_attempts: u32,
    /// Longest wait before the second attempt. It doubles with each attempt, up to 64 times this,
    /// and is longer if the endpoint sends `retry-after`.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = values::duration)]
    retry_wait: Duration,
    /// Time limit of one attempt.
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = values::duration)]
    timeout: Duration,
}

impl EndpointArgs {
    /// The instance, for commands that need one.
    pub(crate) fn instance(&self) -> Result<InstanceId, Failure> {
        self.instance.ok_or_else(|| {
            Failure::usage(
                "the instance is missing: set --instance or the environment variable KEYSYNCCTL_INSTANCE",
            )
        })
    }

    /// The client of the endpoint.
    pub(crate) fn connect(&self) -> Result<Endpoint, Failure> {
        let http = HttpClient::new();
        let policy = RetryPolicy { attempts: self.max_attempts, first_wait: self.retry_wait };
        let tokens = Tokens::new(http.clone(), &self.iam_url, self.api_key()?);
        Ok(Endpoint::new(http, self.endpoint.clone(), tokens, policy, self.timeout))
    }

    /// The API key, from the file or the environment.
    fn api_key(&self) -> Result<Zeroizing<String>, Failure> {
        let text = match &self.api_key_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?,
            None => std::env::var(API_KEY).unwrap_or_default(),
        };
        let text = Zeroizing::new(text);
        match text.trim() {
            "" => Err(Failure::Usage(format!(
                "the API key is missing: set the environment variable {API_KEY}, or --api-key-file"
            ))),
            key => Ok(Zeroizing::new(key.to_owned())),
        }
    }
}
