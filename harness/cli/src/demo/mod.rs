//! `harness demo`: the seed document's story, told step by step on the real function.
//!
//! A key is deleted and object storage misses it. Four hours later the bucket still opens: deleted data
//! is readable. A sync tells object storage again, and the bucket refuses. Then the window: a second
//! sync within the hour is refused with the instant from which it will work, and after that it works.

mod teller;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use keysync_testkit::{
    Client, Harness, HarnessBuilder, HarnessError, Response,
    services::{Behaviour, OBJECT_STORAGE, Verdict},
};
use teller::Teller;

const BUCKET: &str = "invoices";

/// Tells the story. An error where anything came otherwise than it should have.
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
    let mut teller = Teller::begin("A key is deleted, and object storage does not hear of it.")?;
    let harness = builder.start().await?;
    let story = Story { client: Client::log_in(&harness, harness.api_key()).await?, harness };
    story.tell(&mut teller).await?;
    teller.end()
}

struct Story {
    harness: Harness,
    client: Client,
}

impl Story {
    async fn tell(&self, teller: &mut Teller) -> Result<(), HarnessError> {
        let key = self.a_key_is_made(teller).await?;
        self.a_bucket_is_protected(teller, &key).await?;
        self.the_key_is_deleted_unheard(teller, &key).await?;
        self.four_hours_later_the_bucket_opens(teller).await?;
        self.a_sync_tells_it_again(teller, &key).await?;
        self.a_second_sync_is_too_early(teller, &key).await?;
        self.an_hour_later_it_works(teller, &key).await
    }

    async fn a_key_is_made(&self, teller: &mut Teller) -> Result<String, HarnessError> {
        teller.step("A root key is made.")?;
        let body = json!({
            "metadata": {"collectionType": "application/vnd.ibm.kms.key+json", "collectionTotal": 1},
            "resources": [{"type": "application/vnd.ibm.kms.key+json", "name": "invoices", "extractable": false}],
        });
        teller.request("POST /api/v2/keys", "{… \"name\":\"invoices\", \"extractable\":false}")?;
        let answer = self.client.send(self.client.request(Method::POST, "/api/v2/keys").json(&body)).await?;
        let key = answer.body["resources"][0]["id"].as_str().unwrap_or_default().to_owned();
        teller.answer(&answer, &format!("key {key}, state {}", answer.body["resources"][0]["state"]))?;
        teller.check(answer.status == StatusCode::CREATED, "the key is active")?;
        Ok(key)
    }

    async fn a_bucket_is_protected(&self, teller: &mut Teller, key: &str) -> Result<(), HarnessError> {
        teller.step("Object storage puts a bucket under it and registers that.")?;
        teller.request(&format!("POST /api/v2/keys/{key}/registrations/crn:v1:…:bucket:{BUCKET}"), "")?;
        self.harness.key(key).await?.protect(OBJECT_STORAGE, BUCKET).await?;
        teller.note("201 Created")?;
        let opened = self.open_bucket(teller).await?;
        teller.check(opened == StatusCode::OK, "the bucket opens")?;
        Ok(())
    }

    async fn the_key_is_deleted_unheard(&self, teller: &mut Teller, key: &str) -> Result<(), HarnessError> {
        teller.step("The key is deleted. Object storage takes the notification and does not act on it.")?;
        self.harness.object_storage().behave_next(1, Behaviour::AckWithoutActing);
        teller.request(&format!("DELETE /api/v2/keys/{key}?force=true"), "")?;
        let answer = self.client.delete(key).await?;
        teller.answer(&answer, "")?;
        let path = format!("/api/v2/keys/{key}");
        let key = self.client.send(self.client.request(Method::GET, &path)).await?;
        let destroyed = answer.status == StatusCode::NO_CONTENT && key.body["resources"][0]["state"] == 5;
        teller.check(destroyed, "the key is destroyed (state 5)")?;
        let received = self.harness.object_storage().received();
        let missed = received.len() == 1 && received[0].verdict == Verdict::Ignored;
        teller.check(missed, "object storage answered 204 to com.ibm.cloud.kms.key.delete and forgot it")?;
        Ok(())
    }

    async fn four_hours_later_the_bucket_opens(&self, teller: &mut Teller) -> Result<(), HarnessError> {
        teller.step("Four hours later, the time that services have to act.")?;
        self.harness.advance_clock(Duration::from_hours(4)).await?;
        let opened = self.open_bucket(teller).await?;
        teller.check(
            opened == StatusCode::OK,
            "the bucket still opens: its key is gone, and its data is readable",
        )?;
        Ok(())
    }

    async fn a_sync_tells_it_again(&self, teller: &mut Teller, key: &str) -> Result<(), HarnessError> {
        teller.step("The owner synchronizes the key's associated resources.")?;
        let answer = self.sync(teller, key).await?;
        teller.check(
            answer.status == StatusCode::NO_CONTENT,
            "accepted: every associated service is told again",
        )?;
        let received = self.harness.object_storage().received();
        if let Some(last) = received.last() {
            teller.note(&format!("callback  POST {} ", headers_of(last)))?;
            teller.note(&last.body)?;
        }
        let acted = received.last().is_some_and(|last| last.verdict == Verdict::Acted);
        teller.check(acted, "object storage verified the signature and acted")?;
        let opened = self.open_bucket(teller).await?;
        teller.check(opened == StatusCode::FORBIDDEN, "the bucket refuses")?;
        Ok(())
    }

    async fn a_second_sync_is_too_early(&self, teller: &mut Teller, key: &str) -> Result<(), HarnessError> {
        teller.step("A second sync, at once.")?;
        let answer = self.sync(teller, key).await?;
        let refused = answer.status == StatusCode::CONFLICT && answer.code() == "REQ_TOO_EARLY_ERR";
        teller.check(refused, "refused within the hour, with the instant from which it will work")?;
        Ok(())
    }

    async fn an_hour_later_it_works(&self, teller: &mut Teller, key: &str) -> Result<(), HarnessError> {
        teller.step("An hour and a second later, once more.")?;
        self.harness.advance_clock(Duration::from_secs(3601)).await?;
        let answer = self.sync(teller, key).await?;
        teller.check(answer.status == StatusCode::NO_CONTENT, "the window is open again")?;
        Ok(())
    }

    async fn sync(&self, teller: &mut Teller, key: &str) -> Result<Response, HarnessError> {
        teller.request(&format!("POST /api/v2/keys/{key}/actions/sync"), "")?;
        let answer = self.client.sync(key).await?;
        let retry_after = answer.header("retry-after");
        let detail =
            if retry_after.is_empty() { String::new() } else { format!("retry-after: {retry_after}") };
        teller.answer(&answer, &detail)?;
        if !answer.message().is_empty() {
            teller.note(&format!("{}: {}", answer.code(), answer.message()))?;
        }
        Ok(answer)
    }

    async fn open_bucket(&self, teller: &mut Teller) -> Result<StatusCode, HarnessError> {
        let path = format!("/{OBJECT_STORAGE}/resources/{BUCKET}");
        teller.request(&format!("GET  {path}"), "(at object storage)")?;
        let url = format!("{}{path}", self.harness.services_url());
        let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        teller.note(&format!("{status}  {body}"))?;
        Ok(status)
    }
}

fn headers_of(received: &keysync_testkit::services::Received) -> String {
    ["webhook-id", "webhook-signature"]
        .map(|name| {
            let value = received.headers.get(name).map(String::as_str).unwrap_or_default();
            format!("{name}: {}", shortened(value))
        })
        .join("  ")
}

fn shortened(value: &str) -> String {
    match value.get(..60) {
        Some(start) => format!("{start}…"),
        None => value.to_owned(),
    }
}
