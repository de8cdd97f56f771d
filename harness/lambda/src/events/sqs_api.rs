//! The operations of SQS (AWS JSON 1.0) on the dead-letter queue, and `SendMessage` to the queue of
//! lifecycle events.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use keysync::Clock;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    dead_letters::{EVENT_QUEUE, Message, Shared},
    sqs::{self, Attributes, Rejected},
};

/// The prefix of `x-amz-target`.
const TARGET: &str = "AmazonSQS.";
/// The visibility timeout of a queue by default.
const VISIBILITY_SECONDS: u64 = 30;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", post(call))
        .with_state(shared)
        // JSON can escape one byte of a message as six.
        .layer(DefaultBodyLimit::max(8 * sqs::MAX_MESSAGE_BYTES))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    #[serde(default)]
    queue_url: String,
    message_body: String,
    #[serde(default)]
    message_attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessage {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeVisibility {
    entries: Vec<VisibilityChange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VisibilityChange {
    id: String,
    receipt_handle: String,
    visibility_timeout: u64,
}

async fn call(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let result = match target.strip_prefix(TARGET).unwrap_or_default() {
        "SendMessage" => parse(&body).and_then(|message| send(&shared, message)),
        "ReceiveMessage" => parse(&body).map(|request| receive(&shared, &request)),
        "DeleteMessage" => parse(&body).and_then(|request| delete(&shared, &request)),
        "ChangeMessageVisibilityBatch" => parse(&body).map(|request| change_visibility(&shared, &request)),
        _ => {
            Err(reject(StatusCode::BAD_REQUEST, "UnsupportedOperation", "the emulator does not support this"))
        }
    };
    result.map_or_else(|rejected| *rejected, |response| respond(StatusCode::OK, &response))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body)
        .map_err(|_| reject(StatusCode::BAD_REQUEST, "InvalidMessageContents", "the request is invalid"))
}

fn send(shared: &Shared, message: SendMessage) -> Result<Value, Box<Response>> {
    {
        let mut failing = shared.failing.lock();
        if *failing > 0 {
            *failing -= 1;
            return Err(reject(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "injected fault"));
        }
    }
    let SendMessage { queue_url, message_body, message_attributes } = message;
    let max_bytes = shared.max_message_bytes.load(Ordering::Relaxed);
    if let Err(Rejected { kind, message }) = sqs::check(&message_body, &message_attributes, max_bytes) {
        return Err(reject(StatusCode::BAD_REQUEST, kind, &message));
    }
    let id = Uuid::new_v4().to_string();
    if queue_url.ends_with(EVENT_QUEUE) {
        let Some(events) = shared.events.get() else {
            return Err(reject(
                StatusCode::BAD_REQUEST,
                "QueueDoesNotExist",
                "the event queue is not connected",
            ));
        };
        let _delivery = events.send(&message_body);
        return Ok(json!({"MessageId": id}));
    }
    let message = Message {
        id: id.clone(),
        body: message_body,
        attributes: message_attributes,
        receives: 0,
        receipt: None,
        visible_at: Instant::now(),
        sent_at_ms: Clock::system().now().get(),
    };
    shared.messages.send_modify(|messages| messages.push(message));
    Ok(json!({"MessageId": id}))
}

/// Receives visible messages, and hides them for the visibility timeout.
fn receive(shared: &Shared, request: &ReceiveMessage) -> Value {
    let count = request.max_number_of_messages.unwrap_or(1).min(10);
    let hidden_for = Duration::from_secs(request.visibility_timeout.unwrap_or(VISIBILITY_SECONDS));
    let (now, mut received) = (Instant::now(), Vec::new());
    shared.messages.send_modify(|messages| {
        for message in messages.iter_mut().filter(|message| message.visible_at <= now).take(count) {
            message.receives += 1;
            message.visible_at = now + hidden_for;
            let receipt = Uuid::new_v4().to_string();
            received.push(json!({
                "MessageId": message.id,
                "ReceiptHandle": receipt,
                "Body": message.body,
                "Attributes": {
                    "SentTimestamp": message.sent_at_ms.to_string(),
                    "ApproximateReceiveCount": message.receives.to_string(),
                },
                "MessageAttributes": message.attributes,
            }));
            message.receipt = Some(receipt);
        }
    });
    json!({"Messages": received})
}

fn delete(shared: &Shared, request: &DeleteMessage) -> Result<Value, Box<Response>> {
    let mut is_deleted = false;
    shared.messages.send_modify(|messages| {
        let before = messages.len();
        messages.retain(|message| message.receipt.as_deref() != Some(&request.receipt_handle));
        is_deleted = messages.len() < before;
    });
    let invalid =
        || reject(StatusCode::BAD_REQUEST, "ReceiptHandleIsInvalid", "the receipt handle is invalid");
    if is_deleted { Ok(json!({})) } else { Err(invalid()) }
}

fn change_visibility(shared: &Shared, request: &ChangeVisibility) -> Value {
    let now = Instant::now();
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    shared.messages.send_modify(|messages| {
        for entry in &request.entries {
            let mut messages = messages.iter_mut();
            match messages.find(|message| message.receipt.as_ref() == Some(&entry.receipt_handle)) {
                Some(message) => {
                    message.visible_at = now + Duration::from_secs(entry.visibility_timeout);
                    successful.push(json!({"Id": entry.id}));
                }
                None => failed.push(json!({
                    "Id": entry.id, "SenderFault": true, "Code": "ReceiptHandleIsInvalid",
                })),
            }
        }
    });
    json!({"Successful": successful, "Failed": failed})
}

#[expect(clippy::unnecessary_box_returns, reason = "the error of a `Result`, which should be small")]
fn reject(status: StatusCode, kind: &str, message: &str) -> Box<Response> {
    let body = json!({"__type": format!("com.amazonaws.sqs#{kind}"), "message": message});
    Box::new(respond(status, &body))
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}
