//! The writes of keys' items, in the order in which the embedded engine applied them.
//!
//! Proxies see requests before they are applied, and concurrent ones in another order. The engine
//! executes one call at a time on a runtime with one thread, so there the order is exact.

use axum::http::HeaderMap;
use dynoxide::Database;
use keysync_emulator_support::context::Context;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::engine::answer;

/// The header in which a proxy tells the engine the fault of a call.
pub(super) const FAULT: &str = "x-harness-fault";

/// A write of a key's item, whether its condition held or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Its place among all steps that the journal has numbered.
    pub number: u64,
    /// The instant by the harness's clock, in epoch ms.
    pub at: u64,
    /// The request: an `UpdateItem`, or a part of `TransactWriteItems`.
    pub request: Value,
    /// Whether the condition held and the item was written.
    pub applied: bool,
    /// The fault of the call; empty without one.
    pub fault: String,
    /// The item after the call, as plain JSON; null if there is none.
    pub item: Value,
}

/// Records writes, once it was started.
#[derive(Debug)]
pub(super) struct Recorder {
    context: Context,
    applied: Mutex<Option<Vec<Applied>>>,
}

impl Recorder {
    pub(super) fn new(context: Context) -> Self {
        Self { context, applied: Mutex::default() }
    }

    /// Takes what was recorded since the last call; the first one starts the recording.
    pub(super) fn take(&self) -> Vec<Applied> {
        self.applied.lock().replace(Vec::new()).unwrap_or_default()
    }

    /// Records a call that was executed with this result.
    pub(super) fn record(
        &self,
        database: &Database,
        headers: &HeaderMap,
        operation: &str,
        body: &[u8],
        applied: bool,
    ) {
        let mut recorded = self.applied.lock();
        let Some(recorded) = recorded.as_mut() else { return };
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let updates = match operation {
            "UpdateItem" => vec![request],
            "TransactWriteItems" => {
                let items = request["TransactItems"].as_array().cloned().unwrap_or_default();
                items.into_iter().map(|item| item["Update"].clone()).collect()
            }
            _ => return,
        };
        let fault = headers.get(FAULT).and_then(|fault| fault.to_str().ok()).unwrap_or_default();
        for request in updates.into_iter().filter(|update| update["Key"]["sk"]["S"] == "key") {
            let item = read(database, &request);
            let (number, at) = (self.context.journal.next_number(), self.context.clock.now().get());
            recorded.push(Applied { number, at, request, applied, fault: fault.to_owned(), item });
        }
    }
}

fn read(database: &Database, update: &Value) -> Value {
    let request =
        json!({"TableName": update["TableName"], "Key": update["Key"], "ConsistentRead": true}).to_string();
    let response = answer(database, "GetItem", request.as_bytes());
    let response: Value = response.and_then(|(_, body)| serde_json::from_str(&body).ok()).unwrap_or_default();
    plain(&json!({"M": response["Item"]}))
}

/// A value in DynamoDB's JSON as plain JSON.
fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return Value::Null;
    };
    match (&**kind, value) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or_default(),
        ("M", Value::Object(fields)) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("NULL" | "M", _) => Value::Null,
        _ => value.clone(),
    }
}
