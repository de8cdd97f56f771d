//! The requests of the service: the sender's key set, and acknowledgements.

use std::{error::Error, pin::Pin, time::Duration};

use keysync_receiver::MAX_KEY_SET;
use reqwest::{Client, StatusCode, Url, redirect::Policy};

/// Time limit for a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for a fetch of the key set: a callback waits for it, for which the sender has 5 s.
const KEY_SET_TIMEOUT: Duration = Duration::from_secs(2);

type Document = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// Fetches the key set.
pub(crate) type Fetch = Box<dyn Fn() -> Document + Send + Sync>;

/// A client that follows no redirects.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().redirect(Policy::none()).timeout(TIMEOUT).build()
}

/// Fetches the key set at a URL, with bounds on its size and on time.
pub(crate) fn key_set(url: Url, client: Client) -> Fetch {
    Box::new(move || {
        let (url, client) = (url.clone(), client.clone());
        Box::pin(async move { download(&url, &client).await.map_err(|error| error.to_string()) })
    })
}

async fn download(url: &Url, client: &Client) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut response = client.get(url.clone()).timeout(KEY_SET_TIMEOUT).send().await?;
    if response.status() != StatusCode::OK {
        return Err(format!("{url} responded with {}, not 200", response.status()).into());
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        document.extend_from_slice(&chunk);
        if document.len() > MAX_KEY_SET {
            return Err(format!("{url} has more than {MAX_KEY_SET} bytes").into());
        }
    }
    Ok(document)
}

/// Parses a URL with `https`, or with `http` on this machine.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    let parsed = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    let is_local = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if is_local => Ok(parsed),
        _ => Err("must start with https:// (or http:// on this machine)".to_owned()),
    }
}
