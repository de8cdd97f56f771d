//! What there is to play with from the start: a root key that protects a bucket and a database, and a
//! standard key that protects nothing.

use crate::{
    Harness, HarnessError,
    client::Client,
    services::{DATABASES, OBJECT_STORAGE},
    world::REGION,
};

/// A root key that protects a bucket and a database.
pub(crate) async fn root_key(harness: &Harness) -> Result<String, HarnessError> {
    let client = Client::log_in(harness, harness.api_key()).await?;
    let key = client.create_key("sample-root-key", false).await?;
    protect(harness, &client, &key, OBJECT_STORAGE, "sample-bucket").await?;
    protect(harness, &client, &key, DATABASES, "sample-database").await?;
    Ok(key)
}

/// A standard key.
pub(crate) async fn standard_key(harness: &Harness) -> Result<String, HarnessError> {
    Client::log_in(harness, harness.api_key()).await?.create_key("sample-standard-key", true).await
}

/// Makes a resource of `service` under `key` and registers it, as the service would.
pub async fn protect(
    harness: &Harness,
    client: &Client,
    key: &str,
    service: &str,
    name: &str,
) -> Result<(), HarnessError> {
    let crn = resource_crn(harness, service, name);
    harness.service(service)?.protect(name, &crn, key);
    client.register(key, &crn).await
}

/// The CRN of a resource of the harness's account.
fn resource_crn(harness: &Harness, service: &str, name: &str) -> String {
    let kind = if service == OBJECT_STORAGE { "bucket" } else { "deployment" };
    format!(
        "crn:v1:bluemix:public:{service}:{REGION}:a/{}:{}:{kind}:{name}",
        harness.account(),
        harness.instance()
    )
}
