//! `harness demo`: the scenario of a lost notification, step by step, on the real function.
//!
//! A key is deleted, and object storage does not act on the notification. Four hours later the
//! bucket is still accessible: deleted data is readable. The status of the notification says that
//! object storage is overdue. A sync notifies it again, and access is denied. A second sync within
//! an hour is rejected with the first instant at which it is allowed; after that it is accepted.

mod narrator;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use keysync_testkit::{
    Client, DeliveryStatus, Harness, HarnessBuilder, HarnessError, Response,
    services::{Behaviour, OBJECT_STORAGE, Verdict},
};
use narrator::Narrator;

const BUCKET: &str = "invoices";

/// Runs the demo and prints it on standard output.
///
/// # Errors
///
/// [`HarnessError::Demo`] if a step has another result than expected, [`HarnessError::Output`] if
/// standard output cannot be written, and any failure of the harness itself.
///
/// ```
/// use keysync_harness::demo;
/// use keysync_testkit::{Harness, lambda::Mode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// demo::run(Harness::builder().mode(Mode::InProcess)).await?;
/// # Ok(())
/// # }
/// ```
pub async fn run(builder: HarnessBuilder) -> Result<(), HarnessError> {
    let mut narrator = Narrator::begin("A key is deleted, and object storage misses the notification.")?;
    let harness = builder.acknowledging().start().await?;
    let demo = Demo { client: Client::log_in(&harness, harness.api_key()).await?, harness };
    demo.run(&mut narrator).await?;
    narrator.end()
}

struct Demo {
    harness: Harness,
    client: Client,
}

impl Demo {
    async fn run(&self, narrator: &mut Narrator) -> Result<(), HarnessError> {
        let key = self.create_key(narrator).await?;
        self.protect_bucket(narrator, &key).await?;
        self.delete_key(narrator, &key).await?;
        self.wait_four_hours(narrator, &key).await?;
        self.synchronize(narrator, &key).await?;
        self.synchronize_too_early(narrator, &key).await?;
        self.synchronize_after_an_hour(narrator, &key).await
    }

    async fn create_key(&self, narrator: &mut Narrator) -> Result<String, HarnessError> {
        narrator.step("A root key is created.")?;
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
            "resources": [{"type": "application/vnd.ibm.kms.key+json", "name": "invoices", "extractable": false}],
        });
        narrator.request("POST /api/v2/keys", "{… \"name\":\"invoices\", \"extractable\":false}")?;
        let response =
            self.client.send(self.client.request(Method::POST, "/api/v2/keys").json(&body)).await?;
        let key = response.body["resources"][0]["id"].as_str().unwrap_or_default().to_owned();
        narrator
            .response(&response, &format!("key {key}, state {}", response.body["resources"][0]["state"]))?;
        narrator.check(response.status == StatusCode::CREATED, "the key is active")?;
        Ok(key)
    }

    async fn protect_bucket(&self, narrator: &mut Narrator, key: &str) -> Result<(), HarnessError> {
        narrator.step("Object storage protects a bucket with the key and registers it.")?;
        narrator.request(&format!("POST /api/v2/keys/{key}/registrations/crn:v1:…:bucket:{BUCKET}"), "")?;
        self.harness.key(key).await?.protect(OBJECT_STORAGE, BUCKET).await?;
        narrator.note("201 Created")?;
        let status = self.get_bucket(narrator).await?;
        narrator.check(status == StatusCode::OK, "the bucket is accessible")?;
        Ok(())
    }

    async fn delete_key(&self, narrator: &mut Narrator, key: &str) -> Result<(), HarnessError> {
        narrator
            .step("The key is deleted. Object storage receives the notification but does not act on it.")?;
        self.harness.object_storage().behave_next(1, Behaviour::AckWithoutActing);
        narrator.request(&format!("DELETE /api/v2/keys/{key}?force=true"), "")?;
        let response = self.client.delete(key).await?;
        narrator.response(&response, "")?;
        let path = format!("/api/v2/keys/{key}");
        let key = self.client.send(self.client.request(Method::GET, &path)).await?;
        let destroyed = response.status == StatusCode::NO_CONTENT && key.body["resources"][0]["state"] == 5;
        narrator.check(destroyed, "the key is destroyed (state 5)")?;
        let received = self.harness.object_storage().received();
        let missed = received.len() == 1 && received[0].verdict == Verdict::Ignored;
        narrator.check(
            missed,
            "object storage responded to com.ibm.cloud.kms.key.delete with 204 and did not act",
        )?;
        Ok(())
    }

    async fn wait_four_hours(&self, narrator: &mut Narrator, key: &str) -> Result<(), HarnessError> {
        narrator.step(
            "Services have four hours to act. keysync checks that five minutes later, so that no late \
             message counts as silence.",
        )?;
        self.harness.advance_clock(Duration::from_mins(4 * 60 + 5) + Duration::from_millis(1)).await?;
        let run = self.harness.redeliver().await?;
        let overdue = run.overdue;
        narrator.note(&format!("redeliver  services overdue: {overdue} (audit event, metric, alarm)"))?;
        narrator.request(&format!("GET  /api/v2/keys/{key}/notifications"), "")?;
        let statuses = self.harness.key(key).await?.notifications().await?;
        let status = statuses.first().map(|status| status.status);
        let shown = status.map_or("none", DeliveryStatus::as_str);
        narrator.note(&format!("200 OK  {OBJECT_STORAGE}: {shown}"))?;
        narrator.check(
            run.overdue == 1 && status == Some(DeliveryStatus::Overdue),
            "object storage is reported: it has not acknowledged that it acted",
        )?;
        let status = self.get_bucket(narrator).await?;
        narrator.check(
            status == StatusCode::OK,
            "the bucket is still accessible: its key is deleted, and its data is readable",
        )?;
        Ok(())
    }

    async fn synchronize(&self, narrator: &mut Narrator, key: &str) -> Result<(), HarnessError> {
        narrator.step("The owner synchronizes the key's associated resources.")?;
        let response = self.sync(narrator, key).await?;
        narrator.check(
            response.status == StatusCode::NO_CONTENT,
            "the sync is accepted: every associated service is notified again",
        )?;
        let received = self.harness.object_storage().received();
        if let Some(last) = received.last() {
            narrator.note(&format!("callback  POST {} ", headers_of(last)))?;
            narrator.note(&last.text())?;
        }
        let acted = received.last().is_some_and(|last| last.verdict == Verdict::Acted);
        narrator.check(acted, "object storage verified the signature and acted")?;
        let status = self.get_bucket(narrator).await?;
        narrator.check(status == StatusCode::FORBIDDEN, "access to the bucket is denied")?;
        Ok(())
    }

    async fn synchronize_too_early(&self, narrator: &mut Narrator, key: &str) -> Result<(), HarnessError> {
        narrator.step("A second sync, immediately.")?;
        let response = self.sync(narrator, key).await?;
        let rejected = response.status == StatusCode::CONFLICT && response.code() == "REQ_TOO_EARLY_ERR";
        narrator.check(rejected, "the sync is rejected, with the first instant at which it is allowed")?;
        Ok(())
    }

    async fn synchronize_after_an_hour(
        &self,
        narrator: &mut Narrator,
        key: &str,
    ) -> Result<(), HarnessError> {
        narrator.step("A third sync, an hour and a second later.")?;
        self.harness.advance_clock(Duration::from_secs(3601)).await?;
        let response = self.sync(narrator, key).await?;
        narrator.check(response.status == StatusCode::NO_CONTENT, "the sync is accepted again")?;
        Ok(())
    }

    async fn sync(&self, narrator: &mut Narrator, key: &str) -> Result<Response, HarnessError> {
        narrator.request(&format!("POST /api/v2/keys/{key}/actions/sync"), "")?;
        let response = self.client.sync(key).await?;
        let retry_after = response.header("retry-after");
        let detail =
            if retry_after.is_empty() { String::new() } else { format!("retry-after: {retry_after}") };
        narrator.response(&response, &detail)?;
        if !response.message().is_empty() {
            narrator.note(&format!("{}: {}", response.code(), response.message()))?;
        }
        Ok(response)
    }

    async fn get_bucket(&self, narrator: &mut Narrator) -> Result<StatusCode, HarnessError> {
        let path = format!("/{OBJECT_STORAGE}/resources/{BUCKET}");
        narrator.request(&format!("GET  {path}"), "(at object storage)")?;
        let url = format!("{}{path}", self.harness.services_url());
        let response = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
        let status = response.status();
        let body = response.text().await?;
        narrator.note(&format!("{status}  {body}"))?;
        Ok(status)
    }
}

fn headers_of(received: &keysync_testkit::services::Received) -> String {
    ["webhook-id", "webhook-signature"]
        .map(|name| format!("{name}: {}", shorten(received.header(name))))
        .join("  ")
}

fn shorten(value: &str) -> String {
    match value.get(..60) {
        Some(start) => format!("{start}…"),
        None => value.to_owned(),
    }
}
