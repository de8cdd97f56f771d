//! `harness up`: runs the harness until it is stopped.

use std::{error::Error, time::Instant};

use keysync_documentation::Docs;
use keysync_testkit::{Harness, HarnessBuilder, HarnessError, control_api_document};

use super::{
    output,
    remote::{DEFAULT, VARIABLE},
    shutdown::Shutdown,
};

/// Runs a harness until SIGINT or SIGTERM, or with `until_eof` until the end of standard input.
/// With `json`, it prints one line on standard output when the harness is ready, and nothing else.
pub(super) async fn run(builder: HarnessBuilder, json: bool, until_eof: bool) -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::listen()?;
    let started = Instant::now();
    let docs = Docs::new().with_control_api(control_api_document());
    let harness = builder.documentation(docs.router()).start().await?;
    let text = if json { as_json(&harness).await? } else { as_text(&harness, started).await? };
    // If standard output is closed, the harness and its processes end.
    output::line(text)?;
    shutdown.wait(until_eof).await;
    Ok(())
}

async fn as_json(harness: &Harness) -> Result<String, HarnessError> {
    // Strings always serialize.
    Ok(serde_json::to_string(&harness.info().await?).unwrap_or_default())
}

/// How the other commands reach a harness whose address is not the default.
fn elsewhere(endpoint: &str) -> String {
    if endpoint == DEFAULT { ".".to_owned() } else { format!(", after\n\nexport {VARIABLE}={endpoint}") }
}

async fn as_text(harness: &Harness, started: Instant) -> Result<String, HarnessError> {
    let info = harness.info().await?;
    let token = harness.manager().await?.token();
    Ok(format!(
        "The harness is ready after {took} ms. Press Ctrl-C to stop.\n\
         \n\
         \x20 endpoint   {endpoint}\n\
         \x20            {host}\n\
         \x20 console    {console}   (log in with an API key)\n\
         \x20 docs       {endpoint}{docs}\n\
         \x20 function   {function}\n\
         \x20 IAM        {iam}\n\
         \x20 DynamoDB   {dynamodb}\n\
         \x20 services   {services}\n\
         \x20 control    {control}   (described by /openapi.json)\n\
         \x20 instance   {instance}\n\
         \x20 API key    {api_key}   (Manager)\n\
         \x20            {reader}   (Reader)\n\
         \x20 root key   {root_key}   (protects a bucket and a database)\n\
         \x20 callbacks  {public_key}   (public key that verifies them)\n\
         \n\
         Synchronize its associated resources (204; again within an hour: 409):\n\
         \n\
         curl -i -X POST {endpoint}/api/v2/keys/{root_key}/actions/sync \\\n\
         \x20 -H \"bluemix-instance: {instance}\" \\\n\
         \x20 -H \"authorization: Bearer {token}\"\n\
         \n\
         Advance the clock by an hour:\n\
         \n\
         curl -X POST {control}/time -d '{{\"advance\":\"61m\"}}'\n\
         \n\
         Get a new access token, which is valid for an hour:\n\
         \n\
         curl -X POST {iam}/identity/token -d grant_type=urn:ibm:params:oauth:grant-type:apikey -d apikey={api_key}\n\
         \n\
         Without curl: harness keys, harness sync, harness advance, harness services (see --help){elsewhere}\n",
        elsewhere = elsewhere(&info.endpoint),
        took = started.elapsed().as_millis(),
        endpoint = info.endpoint,
        host = harness.instance_url(),
        console = info.console,
        docs = keysync_documentation::BASE,
        function = info.function,
        iam = info.iam,
        dynamodb = info.dynamodb,
        services = info.services,
        control = info.control,
        instance = info.instance_id,
        api_key = info.api_key,
        reader = info.reader_api_key,
        root_key = info.root_key_id,
        public_key = info.callback_public_key,
    ))
}
