//! What a receiver did: the number of events that it acted on.

use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

/// The time in which an effect must be visible after its callback got a 2xx.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);
/// The time without another effect after which there is none to come.
const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// The source of a receiver's effects.
pub(crate) struct Effects {
    http: reqwest::Client,
    url: Url,
}

impl Effects {
    pub(crate) fn new(http: reqwest::Client, url: Url) -> Self {
        Self { http, url }
    }

    /// The number of events that the receiver has acted on.
    pub(crate) async fn count(&self) -> Result<u64, String> {
        let failed = |error: reqwest::Error| format!("GET {} failed: {}", self.url, error.without_url());
        let response =
            self.http.get(self.url.clone()).timeout(VISIBLE_WITHIN).send().await.map_err(failed)?;
        let response = response.error_for_status().map_err(failed)?;
        match response.json().await.map_err(failed)? {
            Value::Array(events) => Ok(events.len() as u64),
            Value::Number(number) if number.is_u64() => Ok(number.as_u64().unwrap_or_default()),
            _ => Err(format!("GET {} must return a JSON array of events, or their number", self.url)),
        }
    }

    /// Waits until the receiver has acted on `expected` events and on no more for a while. Returns
    /// on how many it has.
    pub(crate) async fn wait_for(&self, expected: u64) -> Result<u64, String> {
        let started = Instant::now();
        let mut last = self.count().await?;
        loop {
            tokio::time::sleep(SETTLED_AFTER).await;
            let count = self.count().await?;
            if (count == last && count >= expected) || started.elapsed() > VISIBLE_WITHIN {
                return Ok(count);
            }
            last = count;
        }
    }
}
