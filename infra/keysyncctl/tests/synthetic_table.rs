//! A table with any number of keys, which it makes up when they are read: those of
//! [`SyntheticEndpoint`](crate::synthetic_endpoint::SyntheticEndpoint). It accepts every write and
//! keeps nothing, so that only the command's own time and memory are measured.

use axum::{Json, Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command, task::AbortHandle};

use crate::{
    synthetic_endpoint::key_id,
    throttled_sync::{INSTANCE, crn},
};

/// The items of a page of a scan: about 1 MB, as DynamoDB's.
const PAGE: usize = 1500;

/// The table. Dropping it ends it.
pub(crate) struct SyntheticTable {
    url: String,
    server: AbortHandle,
}

impl SyntheticTable {
    pub(crate) async fn start(keys: usize) -> Self {
        let router = Router::new().route("/", post(call)).with_state(keys);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { url, server }
    }

    /// Sets the environment of a command for this table.
    pub(crate) fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs([
            ("KEYSYNC_TABLE", "synthetic"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }
}

impl Drop for SyntheticTable {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn call(State(keys): State<usize>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap();
    let key = |name: &str| request["Key"][name]["S"].as_str().unwrap_or_default().to_owned();
    Json(match operation {
        "UpdateItem" => json!({"Attributes": {}}),
        "GetItem" if key("sk") == "key" => {
            let n = usize::from_str_radix(&key("pk")[37..45], 16).unwrap();
            json!({"Item": key_item(n, &json!({}))})
        }
        "GetItem" | "TransactWriteItems" => json!({}),
        "Scan" => scan(keys, &request["ExclusiveStartKey"]),
        other => panic!("the synthetic table has no {other}"),
    })
}

/// A page of all items: of each key its own, and that of its registration.
fn scan(keys: usize, start: &Value) -> Value {
    let start = start["position"]["N"].as_str().map_or(0, |position| position.parse().unwrap());
    let end = (start + PAGE).min(2 * keys);
    let items: Vec<Value> = (start..end)
        .map(|position| match (position / 2, position % 2) {
            (n, 0) => key_item(n, &json!({"cloud-object-storage": {"N": "1"}})),
            (n, _) => registration_item(n),
        })
        .collect();
    let mut page = json!({"Items": items, "Count": items.len(), "ScannedCount": items.len()});
    if end < 2 * keys {
        page["LastEvaluatedKey"] = json!({"position": {"N": end.to_string()}});
    }
    page
}

fn key_item(n: usize, services: &Value) -> Value {
    let (id, at) = (key_id(n), json!({"N": "1767225600000"}));
    json!({
        "pk": {"S": format!("{INSTANCE}#{id}")}, "sk": {"S": "key"}, "crn": {"S": crn(&id)},
        "key_type": {"S": "root"}, "state": {"N": "1"}, "ring": {"S": "default"},
        "version": {"M": {"id": {"S": id}, "created_at": at}},
        "event": {"M": {"action": {"S": "create"}, "at": at}},
        "services": {"M": services}, "outcome": {"M": {}},
    })
}

fn registration_item(n: usize) -> Value {
    let resource = format!("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:x:bucket:b{n}");
    json!({
        "pk": {"S": format!("{INSTANCE}#{}", key_id(n))}, "sk": {"S": format!("registration#{resource}")},
        "registered": {"BOOL": true}, "changed_at": {"N": "1767312000000"}, "crn": {"S": crn(&key_id(n))},
    })
}
