//! The dead-letter queue: the operation `SendMessage` of SQS (AWS JSON 1.0), with the validation of
//! SQS.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::sqs::{self, Attribute, Attributes, Rejected};
use keysync_emulator_support::{assertion::wait, context::Context, journal::Journal, server::Server};

/// The path of the queue's URL: account and name.
const QUEUE: &str = "/000000000000/keysync-dead-letters";

/// The queue. Dropping it ends it.
#[derive(Debug)]
pub struct DeadLetterQueue {
    server: Server,
    journal: Journal,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The number of messages that are still to fail with 500.
    failing: Mutex<usize>,
    /// The largest message, in bytes.
    max_message_bytes: AtomicUsize,
    letters: watch::Sender<Vec<DeadLetter>>,
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

impl DeadLetterQueue {
    /// Starts an empty queue.
    pub async fn start(context: &Context) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            failing: Mutex::default(),
            max_message_bytes: AtomicUsize::new(sqs::MAX_MESSAGE_BYTES),
            letters: watch::Sender::default(),
        });
        let router = Router::new().route("/", post(send_message)).with_state(shared.clone());
        // JSON can escape one byte of a message as six.
        let router = router.layer(DefaultBodyLimit::max(8 * sqs::MAX_MESSAGE_BYTES));
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

    /// The messages in the queue, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.shared.letters.borrow().clone()
    }

    /// Sets the queue's `MaximumMessageSize`. Queues from before August 2025 have 262,144 bytes.
    pub fn set_maximum_message_size(&self, bytes: usize) {
        self.shared.max_message_bytes.store(bytes.min(sqs::MAX_MESSAGE_BYTES), Ordering::Relaxed);
    }

    /// Removes all messages and faults.
    pub fn clear(&self) {
        self.set_maximum_message_size(sqs::MAX_MESSAGE_BYTES);
        self.shared.letters.send_replace(Vec::new());
        *self.shared.failing.lock() = 0;
    }

    /// Waits until the queue has at least `count` messages.
    ///
    /// # Panics
    ///
    /// If it has fewer after 30 s.
    pub async fn wait_for(&self, count: usize) -> Vec<DeadLetter> {
        // The sender lives as long as this queue, so the channel is never closed.
        let mut letters = self.shared.letters.subscribe();
        let expected = format!("{count} messages in the dead-letter queue");
        let found = || format!("{:?}", self.letters());
        wait(letters.wait_for(|letters| letters.len() >= count), expected, found, &self.journal).await.ok();
        self.letters()
    }

    /// Responds to the next `times` messages with 500 and does not store them.
    pub fn fail_next(&self, times: usize) {
        *self.shared.failing.lock() = times;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    message_body: String,
    #[serde(default)]
    message_attributes: Attributes,
}

async fn send_message(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Ok(message) = serde_json::from_slice::<SendMessage>(&body) else {
        return reject(
            StatusCode::BAD_REQUEST,
            "InvalidMessageContents",
            "the request is not a valid SendMessage",
        );
    };
    if operation != "AmazonSQS.SendMessage" {
        return reject(
            StatusCode::BAD_REQUEST,
            "UnsupportedOperation",
            "the emulator supports SendMessage only",
        );
    }
    {
        let mut failing = shared.failing.lock();
        if *failing > 0 {
            *failing -= 1;
            return reject(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "injected fault");
        }
    }
    let max_bytes = shared.max_message_bytes.load(Ordering::Relaxed);
    if let Err(Rejected { kind, message }) =
        sqs::check(&message.message_body, &message.message_attributes, max_bytes)
    {
        return reject(StatusCode::BAD_REQUEST, kind, &message);
    }
    let reason =
        message.message_attributes.get("reason").and_then(Attribute::text).unwrap_or_default().to_owned();
    shared.letters.send_modify(|letters| letters.push(DeadLetter { event: message.message_body, reason }));
    respond(StatusCode::OK, &json!({"MessageId": Uuid::new_v4().to_string()}))
}

fn reject(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({"__type": format!("com.amazonaws.sqs#{kind}"), "message": message});
    respond(status, &body)
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}
