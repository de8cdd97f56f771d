//! The SQS queue of lifecycle events, and the event source mapping, with batch item failures, that
//! invokes the function `lifecycle`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use uuid::Uuid;

use keysync_emulator_support::{assertion::wait, context::Context, journal::Journal};

use super::sqs::{self, Attributes, Rejected};
use crate::Handle;

/// The batch size of the deployed event source mapping.
const BATCH_SIZE: usize = 10;
/// The number of batches that the function processes concurrently.
const CONCURRENT_BATCHES: usize = 4;
/// Visibility timeout of a failed message: the first one, and the longest one. Minutes in AWS, to
/// limit the cost of malformed messages; short here because tests wait for the redelivery.
const VISIBILITY_TIMEOUT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The queue. Clones share it; its event source mapping ends with the harness.
#[derive(Clone, Debug)]
pub struct Queue {
    messages: mpsc::UnboundedSender<Message>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    journal: Journal,
    held: Mutex<Option<Vec<Message>>>,
    rejected: Mutex<Vec<Rejected>>,
    failures: watch::Sender<usize>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
    receives: u32,
    /// Whether it has been processed.
    done: Arc<watch::Sender<bool>>,
}

/// A message that was sent.
#[derive(Clone, Debug)]
#[must_use = "await `processed` to wait until the function has processed the message"]
pub struct Delivery {
    done: Arc<watch::Sender<bool>>,
    journal: Journal,
}

/// The event source mapping: invokes the function with batches of messages. Dropping it ends it.
#[derive(Debug)]
pub struct Feeder(AbortHandle);

impl Queue {
    /// Creates a queue and the event source mapping that invokes `function` with its messages.
    #[must_use]
    pub fn start(function: Handle, context: &Context) -> (Self, Feeder) {
        let (messages, incoming) = mpsc::unbounded_channel();
        let state = State {
            journal: context.journal.clone(),
            held: Mutex::default(),
            rejected: Mutex::default(),
            failures: watch::Sender::default(),
        };
        let queue = Self { messages, state: Arc::new(state) };
        let feeder = tokio::spawn(feed(function, queue.clone(), incoming));
        (queue, Feeder(feeder.abort_handle()))
    }

    /// Sends a message, unless SQS would reject it: see [`Queue::rejected`].
    pub fn send(&self, body: &str) -> Delivery {
        let done = Arc::new(watch::Sender::new(false));
        let id = Uuid::new_v4().to_string();
        let message = Message { id, body: body.to_owned(), receives: 0, done: done.clone() };
        match sqs::check(body, &Attributes::new(), sqs::MAX_MESSAGE_BYTES) {
            Ok(()) => self.put(message),
            Err(rejected) => {
                message.finish();
                self.all_rejected().push(rejected);
            }
        }
        Delivery { done, journal: self.state.journal.clone() }
    }

    /// The reasons of rejected messages: SQS rejects a message that is empty, is larger than 1 MiB,
    /// or contains characters that XML 1.0 does not allow. To test the function with such a
    /// message, invoke it directly.
    #[must_use]
    pub fn rejected(&self) -> Vec<Rejected> {
        self.all_rejected().clone()
    }

    /// Holds all further messages until [`Queue::release`].
    pub fn hold(&self) {
        self.held().get_or_insert_default();
    }

    /// Releases the held messages in the order that `order` gives to the events.
    pub fn release(&self, order: impl FnOnce(&mut Vec<String>)) {
        let mut messages = self.held().take().unwrap_or_default();
        let mut bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
        order(&mut bodies);
        for body in bodies {
            let Some(index) = messages.iter().position(|message| message.body == body) else { continue };
            self.put(messages.remove(index));
        }
    }

    /// The number of times that the function failed to process a message.
    #[must_use]
    pub fn failures(&self) -> usize {
        *self.state.failures.borrow()
    }

    /// Waits until the function has failed to process messages `count` times.
    ///
    /// # Panics
    ///
    /// If there are fewer failures after the harness's wait timeout.
    pub async fn wait_for_failures(&self, count: usize) {
        // The sender lives as long as this queue, so the channel is never closed.
        let mut failures = self.state.failures.subscribe();
        let (expected, found) = (format!("{count} failed messages"), || self.failures().to_string());
        wait(failures.wait_for(|failures| *failures >= count), expected, found, &self.state.journal)
            .await
            .ok();
    }

    fn put(&self, message: Message) {
        match &mut *self.held() {
            Some(held) => held.push(message),
            // The error of a feeder that has ended: the harness is stopping.
            None => drop(self.messages.send(message)),
        }
    }

    fn all_rejected(&self) -> MutexGuard<'_, Vec<Rejected>> {
        self.state.rejected.lock()
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Message>>> {
        self.state.held.lock()
    }

    /// Returns a message that the function failed to process to the queue.
    async fn put_back(self, mut message: Message) {
        self.state.failures.send_modify(|failures| *failures += 1);
        message.receives += 1;
        let (first, longest) = VISIBILITY_TIMEOUT;
        tokio::time::sleep((first * 2_u32.pow(message.receives.min(10))).min(longest)).await;
        self.put(message);
    }
}

impl Delivery {
    /// Waits until the function has processed the message or has sent it to the dead-letter queue.
    /// Returns immediately if the queue rejected it.
    ///
    /// # Panics
    ///
    /// If the message is not processed within the harness's wait timeout.
    pub async fn processed(&self) {
        let found = || "the function has not processed it".to_owned();
        wait(self.finished(), "the event to be processed", found, &self.journal).await;
    }

    /// The same as [`Delivery::processed`], and never panics: the error is the timeout after which
    /// the function has not processed the message.
    pub async fn try_processed(&self) -> Result<(), Duration> {
        let timeout = self.journal.wait_timeout();
        tokio::time::timeout(timeout, self.finished()).await.map_err(|_| timeout)
    }

    async fn finished(&self) {
        // This delivery owns the sender, so the channel is never closed.
        let _ = self.done.subscribe().wait_for(|is_done| *is_done).await;
    }
}

impl Message {
    fn finish(&self) {
        self.done.send_replace(true);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn feed(function: Handle, queue: Queue, mut incoming: mpsc::UnboundedReceiver<Message>) {
    // Owned by this task, so that the batches end with it.
    let mut batches = JoinSet::new();
    let mut messages = Vec::new();
    loop {
        if batches.len() >= CONCURRENT_BATCHES {
            batches.join_next().await;
        }
        if incoming.recv_many(&mut messages, BATCH_SIZE).await == 0 {
            return;
        }
        batches.spawn(process(function.clone(), queue.clone(), std::mem::take(&mut messages)));
        while batches.try_join_next().is_some() {}
    }
}

async fn process(function: Handle, queue: Queue, batch: Vec<Message>) {
    let by_id: BTreeMap<String, Message> =
        batch.into_iter().map(|message| (message.id.clone(), message)).collect();
    let failed = failures(function.invoke(&event(by_id.values())).await.ok().as_ref(), by_id.keys());
    for (id, message) in by_id {
        if failed.contains(&id) {
            // Spawned, so that the visibility timeout does not delay the next batch.
            tokio::spawn(queue.clone().put_back(message));
        } else {
            message.finish();
        }
    }
}

/// The ids of the messages that the function reported as failed; all of them if its response is
/// missing or invalid.
fn failures<'a>(response: Option<&Value>, all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let reported =
        response.as_ref().and_then(|response| response["batchItemFailures"].as_array()).and_then(|items| {
            items.iter().map(|item| item["itemIdentifier"].as_str().map(str::to_owned)).collect()
        });
    reported.unwrap_or_else(|| all.cloned().collect())
}

fn event<'a>(batch: impl Iterator<Item = &'a Message>) -> Value {
    let records = batch.map(|message| {
        json!({
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": (message.receives + 1).to_string()},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:keysync-events",
            "awsRegion": "us-east-1",
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_response_fails_the_whole_batch() {
        let all = ["a".to_owned(), "b".to_owned()];
        for response in [None, Some(json!({})), Some(json!({"batchItemFailures": [{"itemIdentifier": 1}]}))] {
            assert_eq!(failures(response.as_ref(), all.iter()), all);
        }
        let one = json!({"batchItemFailures": [{"itemIdentifier": "b"}]});
        assert_eq!(failures(Some(&one), all.iter()), ["b"]);
        assert!(failures(Some(&json!({"batchItemFailures": []})), all.iter()).is_empty());
    }
}
