//! A message of a dead-letter queue.

use keysync::{domain::EpochMillis, usecases::lifecycle::KeyEvent};
use serde::Serialize;

use super::queue::Queue;
use crate::failure::Failure;

/// A received message.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) sent_at: Option<EpochMillis>,
    pub(super) receives: u64,
    /// The reason of `lifecycle`; `None` if SQS or EventBridge moved the message.
    pub(super) reason: Option<String>,
    pub(super) body: String,
    /// The right to delete the message.
    #[serde(skip)]
    pub(super) receipt: String,
}

impl Letter {
    /// The problem of the event, as `lifecycle` finds it; `None` if it can be parsed.
    pub(super) fn problem(&self) -> Option<String> {
        problem(&self.body)
    }

    /// The key and the type of the event, as far as they can be parsed.
    pub(super) fn summary(&self) -> (String, String) {
        let event: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text =
            |value: &serde_json::Value| value.as_str().unwrap_or("unknown").chars().take(200).collect();
        (text(&event["detail-type"]), text(&event["detail"]["keyCrn"]))
    }
}

/// The problem of an event, as `lifecycle` finds it; `None` if it can be parsed.
pub(super) fn problem(event: &str) -> Option<String> {
    KeyEvent::read(event).err().map(|error| error.to_string())
}

/// Receives the message with this id, and releases all others.
pub(super) async fn find(queue: &Queue, id: &str, max: usize) -> Result<Letter, Failure> {
    let letters = queue.receive(max, |letters| letters.iter().any(|letter| letter.id == id)).await?;
    let read = letters.len();
    let (mut found, others): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| letter.id == id);
    queue.release(&others).await;
    found.pop().ok_or_else(|| {
        Failure::Stopped(format!(
            "no message {id} among the {read} that were read: check the id with `dlq list`, or raise --max"
        ))
    })
}
