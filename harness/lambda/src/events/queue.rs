//! The queue in front of `lifecycle`, and what feeds the function from it: an SQS queue with an event
//! source mapping that reports batch item failures.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use uuid::Uuid;

use keysync_emulator_support::{assertion::wait, context::Context, journal::Journal};

use super::sqs::{self, Attributes, Rejected};
use crate::Handle;

/// The largest batch, as the template has it.
const BATCH: usize = 10;
/// Batches in the function at once.
const AT_ONCE: usize = 4;
/// How long a message that failed stays out of sight: the first time, and at the most. Minutes in AWS,
/// where a poor message costs money; here a test waits for it.
const OUT_OF_SIGHT: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The queue. Clones are the same one; what feeds the function ends with the harness.
#[derive(Clone, Debug)]
pub struct Queue {
    messages: mpsc::UnboundedSender<Message>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    journal: Journal,
    held: Mutex<Option<Vec<Message>>>,
    rejected: Mutex<Vec<String>>,
    failures: watch::Sender<usize>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
    receives: u32,
    done: Arc<Done>,
}

#[derive(Debug, Default)]
struct Done {
    flag: Mutex<bool>,
    notify: Notify,
}

/// A message on its way.
#[derive(Clone, Debug)]
#[must_use = "await `taken` to know that the function has taken it"]
pub struct Delivery {
    done: Arc<Done>,
    journal: Journal,
}

/// What feeds the function. Dropping it stops that.
#[derive(Debug)]
pub struct Feeder(AbortHandle);

impl Queue {
    /// A queue, and what feeds `function` from it.
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

    /// Puts a message into it, where SQS would take it: see [`Queue::rejected`].
    pub fn send(&self, body: &str) -> Delivery {
        let done = Arc::<Done>::default();
        let id = Uuid::new_v4().to_string();
        let message = Message { id, body: body.to_owned(), receives: 0, done: done.clone() };
        match sqs::check(body, &Attributes::new(), sqs::LARGEST) {
            Ok(()) => self.put(message),
            Err(Rejected { kind, message: why }) => {
                message.finish();
                self.all_rejected().push(format!("{kind}: {why}"));
            }
        }
        Delivery { done, journal: self.state.journal.clone() }
    }

    /// Why messages never came into the queue: SQS rejects what is empty, has more than 1 MiB, or has characters
    /// outside its set. To see what the function makes of such a message, invoke it by hand.
    #[must_use]
    pub fn rejected(&self) -> Vec<String> {
        self.all_rejected().clone()
    }

    /// Keeps back what comes from now on, until [`Queue::release`].
    pub fn hold(&self) {
        self.held().get_or_insert_default();
    }

    /// Lets go what was kept back, in the order that `order` makes of the events.
    pub fn release(&self, order: impl FnOnce(&mut Vec<String>)) {
        let mut messages = self.held().take().unwrap_or_default();
        let mut bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
        order(&mut bodies);
        for body in bodies {
            let Some(index) = messages.iter().position(|message| message.body == body) else { continue };
            self.put(messages.remove(index));
        }
    }

    /// How often the function did not take a message.
    #[must_use]
    pub fn failures(&self) -> usize {
        *self.state.failures.borrow()
    }

    /// Waits until the function has not taken a message so many times.
    ///
    /// # Panics
    ///
    /// If that is not so within 30 s.
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
            // Nobody takes it any more when the feeder has ended.
            None => drop(self.messages.send(message)),
        }
    }

    fn all_rejected(&self) -> MutexGuard<'_, Vec<String>> {
        self.state.rejected.lock()
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Message>>> {
        self.state.held.lock()
    }

    /// Puts a message back that the function did not take.
    async fn put_back(self, mut message: Message) {
        self.state.failures.send_modify(|failures| *failures += 1);
        message.receives += 1;
        let (first, most) = OUT_OF_SIGHT;
        tokio::time::sleep((first * 2_u32.pow(message.receives.min(10))).min(most)).await;
        self.put(message);
    }
}

impl Delivery {
    /// Waits until the function has taken it, or has put it into the dead-letter queue. At once, where the queue
    /// rejected it.
    ///
    /// # Panics
    ///
    /// If that is not so within 30 s.
    pub async fn taken(&self) {
        let found = || "the function has not taken it".to_owned();
        wait(self.finished(), "an event taken from the queue", found, &self.journal).await;
    }

    /// Waits at most this long, and returns whether the function has taken it.
    pub async fn taken_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.finished()).await.is_ok()
    }

    async fn finished(&self) {
        let Self { done, .. } = self;
        let notified = done.notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !*done.flag.lock() {
            notified.await;
        }
    }
}

impl Message {
    fn finish(&self) {
        *self.done.flag.lock() = true;
        self.done.notify.notify_waiters();
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn feed(function: Handle, queue: Queue, mut incoming: mpsc::UnboundedReceiver<Message>) {
    // Owned here, so that all of it ends with this task.
    let mut batches = JoinSet::new();
    let mut messages = Vec::new();
    loop {
        if batches.len() >= AT_ONCE {
            batches.join_next().await;
        }
        if incoming.recv_many(&mut messages, BATCH).await == 0 {
            return;
        }
        batches.spawn(take(function.clone(), queue.clone(), std::mem::take(&mut messages)));
        while batches.try_join_next().is_some() {}
    }
}

async fn take(function: Handle, queue: Queue, batch: Vec<Message>) {
    let by_id: BTreeMap<String, Message> =
        batch.into_iter().map(|message| (message.id.clone(), message)).collect();
    let failed = failures(function.invoke(&event(by_id.values())).await.ok().as_ref(), by_id.keys());
    for (id, message) in by_id {
        if failed.contains(&id) {
            // Not waited for: the next batch may go on meanwhile.
            tokio::spawn(queue.clone().put_back(message));
        } else {
            message.finish();
        }
    }
}

/// The messages that the function reported; all of them where it answered nothing that can be read.
fn failures<'a>(answer: Option<&Value>, all: impl Iterator<Item = &'a String>) -> Vec<String> {
    let reported =
        answer.as_ref().and_then(|answer| answer["batchItemFailures"].as_array()).and_then(|items| {
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
    fn an_answer_that_cannot_be_read_fails_the_whole_batch() {
        let all = ["a".to_owned(), "b".to_owned()];
        for answer in [None, Some(json!({})), Some(json!({"batchItemFailures": [{"itemIdentifier": 1}]}))] {
            assert_eq!(failures(answer.as_ref(), all.iter()), all);
        }
        let one = json!({"batchItemFailures": [{"itemIdentifier": "b"}]});
        assert_eq!(failures(Some(&one), all.iter()), ["b"]);
        assert!(failures(Some(&json!({"batchItemFailures": []})), all.iter()).is_empty());
    }
}
