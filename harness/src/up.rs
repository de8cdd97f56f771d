//! `harness up`: everything, until Ctrl-C.

use std::io::{self, Write};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Harness, HarnessBuilder, HarnessError, client::Client};

/// Runs a harness until this process is told to end. With `json`, one line on standard output when it
/// is ready, and nothing else.
pub async fn run(builder: HarnessBuilder, json: bool) -> Result<(), HarnessError> {
    // Listened for from the start: whoever reads that it is ready may end it at once.
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut harness = builder.start().await?;
    let (root_key, standard_key) = harness.sample_keys().await?;
    let text =
        if json { as_json(&harness, &root_key, &standard_key) } else { as_text(&harness, &root_key).await? };
    // A reader that has gone away is no reason to stop.
    let _ = writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

fn as_json(harness: &Harness, root_key: &str, standard_key: &str) -> String {
    json!({
        "endpoint": harness.endpoint_url(),
        "iam": harness.iam_url(),
        "dynamodb": harness.dynamo().url(),
        "control": format!("{}/_harness", harness.endpoint_url()),
        "services": harness.services_url(),
        "function": harness.function().url(),
        "api_key": harness.api_key(),
        "reader_api_key": harness.reader_api_key(),
        "instance_id": harness.instance().to_string(),
        "region": crate::world::REGION,
        "root_key_id": root_key,
        "standard_key_id": standard_key,
    })
    .to_string()
}

async fn as_text(harness: &Harness, root_key: &str) -> Result<String, HarnessError> {
    let token = Client::log_in(harness, harness.api_key()).await?.token();
    let (endpoint, iam, services) = (harness.endpoint_url(), harness.iam_url(), harness.services_url());
    let (instance, host) = (harness.instance(), harness.instance_url());
    Ok(format!(
        "keysync's harness is up. Ctrl-C ends it.\n\
         \n\
         \x20 endpoint   {endpoint}\n\
         \x20            {host}\n\
         \x20 function   {function}\n\
         \x20 IAM        {iam}\n\
         \x20 DynamoDB   {dynamodb}\n\
         \x20 services   {services}\n\
         \x20 control    {endpoint}/_harness\n\
         \x20 instance   {instance}\n\
         \x20 API key    {api_key}   (Manager)\n\
         \x20            {reader}   (Reader)\n\
         \x20 root key   {root_key}   (protects a bucket and a database)\n\
         \n\
         Synchronize its associated resources; the first time 204, within the hour 409:\n\
         \n\
         curl -i -X POST {endpoint}/api/v2/keys/{root_key}/actions/sync \\\n\
         \x20 -H \"bluemix-instance: {instance}\" \\\n\
         \x20 -H \"authorization: Bearer {token}\"\n\
         \n\
         An hour later:\n\
         \n\
         curl -X POST {endpoint}/_harness/time -H 'content-type: application/json' -d '{{\"advance\":\"61m\"}}'\n\
         \n\
         A token for an hour, should that one have expired:\n\
         \n\
         curl -X POST {iam}/identity/token -d grant_type=urn:ibm:params:oauth:grant-type:apikey -d apikey={api_key}\n",
        function = harness.function().url(),
        dynamodb = harness.dynamo().url(),
        api_key = harness.api_key(),
        reader = harness.reader_api_key(),
    ))
}
