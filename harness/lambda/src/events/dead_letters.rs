//! The dead-letter queue of malformed events, as a test sees it. `sqs_api.rs` is its HTTP side.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::{
    Queue,
    sqs::{self, Attributes},
    sqs_api,
};
use keysync_emulator_support::{assertion::wait, context::Context, journal::Journal, server::Server};

/// The paths of the queues' URLs: account and name.
const QUEUE: &str = "/000000000000/keysync-dead-letters";
pub(super) const EVENT_QUEUE: &str = "/000000000000/keysync-events";

/// The queue. Dropping it ends it.
#[derive(Debug)]
pub struct DeadLetterQueue {
    server: Server,
    journal: Journal,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// The number of messages that are still to fail with 500.
    pub(super) failing: Mutex<usize>,
    /// The largest message, in bytes.
    pub(super) max_message_bytes: AtomicUsize,
    pub(super) messages: watch::Sender<Vec<Message>>,
    /// The queue of lifecycle events, which the same server accepts messages for.
    pub(super) events: OnceLock<Queue>,
}

/// A message in the queue.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Attributes,
    pub(super) receives: u32,
    /// The receipt of the last receive; an older one is invalid.
    pub(super) receipt: Option<String>,
    pub(super) visible_at: Instant,
    pub(super) sent_at_ms: u64,
}

/// A malformed event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event as it was received.
    pub event: String,
    /// The reason why it is malformed.
    pub reason: String,
}

/// What the queue has in a snapshot. Messages that were received are visible again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeadLetterState {
    /// The messages, oldest first.
    messages: Vec<StoredMessage>,
    /// The number of messages that are still to fail with 500.
    failing: usize,
    /// The largest message, in bytes.
    max_message_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct StoredMessage {
    id: String,
    body: String,
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, Object>))]
    attributes: Attributes,
    receives: u32,
    sent_at_ms: u64,
}

impl DeadLetterQueue {
    /// Starts an empty queue.
    pub async fn start(context: &Context) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            failing: Mutex::default(),
            max_message_bytes: AtomicUsize::new(sqs::MAX_MESSAGE_BYTES),
            messages: watch::Sender::default(),
            events: OnceLock::new(),
        });
        let router = sqs_api::router(shared.clone());
        Ok(Self {
            server: Server::start(router, &context.guard).await?,
            journal: context.journal.clone(),
            shared,
        })
    }

    /// The queue's URL, with account and queue name in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{QUEUE}", self.server.url())
    }

    /// The URL of the queue of lifecycle events, for `SendMessage` as an operator uses it. Accepts
    /// messages after [`DeadLetterQueue::connect_event_queue`].
    #[must_use]
    pub fn event_queue_url(&self) -> String {
        format!("{}{EVENT_QUEUE}", self.server.url())
    }

    /// Sends messages to [`DeadLetterQueue::event_queue_url`] to `events`.
    pub fn connect_event_queue(&self, events: Queue) {
        // Connected once, when the harness starts.
        let _ = self.shared.events.set(events);
    }

    /// The messages in the queue, oldest first, received ones included.
    #[must_use]
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.shared.messages.borrow().iter().map(Message::letter).collect()
    }

    /// Puts a message without a reason into the queue, as a redrive policy of SQS does.
    pub fn put(&self, event: &str) {
        let (id, body, attributes) = (Uuid::new_v4().to_string(), event.to_owned(), Attributes::new());
        let message = StoredMessage { id, body, attributes, receives: 0, sent_at_ms: 0 };
        self.shared.messages.send_modify(|messages| messages.push(message.into()));
    }

    /// The messages and the faults.
    #[must_use]
    pub fn state_to_store(&self) -> DeadLetterState {
        DeadLetterState {
            messages: self.shared.messages.borrow().iter().map(StoredMessage::from).collect(),
            failing: *self.shared.failing.lock(),
            max_message_bytes: self.shared.max_message_bytes.load(Ordering::Relaxed),
        }
    }

    /// Replaces the messages and the faults.
    pub fn restore_state(&self, stored: DeadLetterState) {
        self.set_maximum_message_size(stored.max_message_bytes);
        self.shared.messages.send_replace(stored.messages.into_iter().map(Message::from).collect());
        *self.shared.failing.lock() = stored.failing;
    }

    /// Sets the queue's `MaximumMessageSize`. Queues from before August 2025 have 262,144 bytes.
    pub fn set_maximum_message_size(&self, bytes: usize) {
        self.shared.max_message_bytes.store(bytes.min(sqs::MAX_MESSAGE_BYTES), Ordering::Relaxed);
    }

    /// Removes all messages and faults.
    pub fn clear(&self) {
        self.set_maximum_message_size(sqs::MAX_MESSAGE_BYTES);
        self.shared.messages.send_replace(Vec::new());
        *self.shared.failing.lock() = 0;
    }

    /// Waits until the queue has at least `count` messages.
    ///
    /// # Panics
    ///
    /// If it has fewer after the harness's wait timeout.
    pub async fn wait_for(&self, count: usize) -> Vec<DeadLetter> {
        // The sender lives as long as this queue, so the channel is never closed.
        let mut messages = self.shared.messages.subscribe();
        let expected = format!("{count} messages in the dead-letter queue");
        let found = || format!("{:?}", self.letters());
        wait(messages.wait_for(|messages| messages.len() >= count), expected, found, &self.journal)
            .await
            .ok();
        self.letters()
    }

    /// Responds to the next `times` messages with 500 and does not store them.
    pub fn fail_next(&self, times: usize) {
        *self.shared.failing.lock() = times;
    }
}

impl From<&Message> for StoredMessage {
    fn from(Message { id, body, attributes, receives, sent_at_ms, .. }: &Message) -> Self {
        let (id, body, attributes) = (id.clone(), body.clone(), attributes.clone());
        Self { id, body, attributes, receives: *receives, sent_at_ms: *sent_at_ms }
    }
}

impl From<StoredMessage> for Message {
    fn from(StoredMessage { id, body, attributes, receives, sent_at_ms }: StoredMessage) -> Self {
        Self { id, body, attributes, receives, receipt: None, visible_at: Instant::now(), sent_at_ms }
    }
}

impl Message {
    fn letter(&self) -> DeadLetter {
        let reason = self.attributes.get("reason").and_then(sqs::Attribute::text).unwrap_or_default();
        DeadLetter { event: self.body.clone(), reason: reason.to_owned() }
    }
}
