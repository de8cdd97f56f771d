//! `harness requests`: the requests that the harness received.

use std::error::Error;

use clap::Args;
use keysync_testkit::journal::HeaderFilter;

use super::{remote::Remote, show};

/// Options of `harness requests`.
#[derive(Args)]
pub(super) struct RequestsArgs {
    /// Only requests to this part: `endpoint`, `iam` or `services`.
    #[arg(long, value_name = "PART", value_parser = ["endpoint", "iam", "services"])]
    to: Option<String>,
    /// Only requests with this method.
    #[arg(long)]
    method: Option<String>,
    /// Only requests with this text in path or query.
    #[arg(long, value_name = "TEXT")]
    path: Option<String>,
    /// Only requests with this value of a header.
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    header: Option<String>,
    /// Only requests whose response has this status.
    #[arg(long, value_name = "STATUS")]
    status: Option<u16>,
    /// Print the number of requests only.
    #[arg(long, conflicts_with = "secrets")]
    count: bool,
    /// Do not mask secrets, such as tokens and API keys, in the output of `--json`.
    #[arg(long)]
    secrets: bool,
}

/// Validates a header's name and value.
fn header(text: &str) -> Result<String, String> {
    text.parse::<HeaderFilter>().map(|_| text.to_owned())
}

/// Shows the requests that the options select, or their number.
pub(super) async fn run(remote: &Remote, args: &RequestsArgs, as_json: bool) -> Result<(), Box<dyn Error>> {
    let RequestsArgs { to, method, path, header, status, count, secrets } = args;
    let status = status.map(|status| status.to_string());
    let mut query = Vec::new();
    for (name, value) in [
        ("to", to.as_deref()),
        ("method", method.as_deref()),
        ("path", path.as_deref()),
        ("header", header.as_deref()),
        ("status", status.as_deref()),
        ("secrets", secrets.then_some("true")),
    ] {
        query.extend(value.map(|value| (name, value)));
    }
    if *count {
        let counted = remote.find(&["requests", "count"], &query).await?;
        return show::one(remote, &counted, as_json, |counted| Some(counted["count"].as_u64()?.to_string()));
    }
    show::requests(remote, &remote.find(&["requests"], &query).await?, as_json)
}
