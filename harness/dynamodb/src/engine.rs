//! The embedded engine over HTTP: the operations of `dynoxide` behind a server of the harness,
//! because its own server allows every web page (`access-control-allow-origin: *`).

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use dynoxide::{
    Database, DynoxideError,
    auth_material::{self, AuthMaterial},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{DEFINITION, DynamoError, Engine};

/// The largest request that DynamoDB accepts, in bytes.
pub(super) const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// The prefixes of the header `x-amz-target`.
const TARGET_PREFIXES: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// The routes of the calls to `database`.
pub(super) fn router(database: Database) -> Router {
    Router::new()
        .route("/", post(call))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(Arc::new(database))
}

async fn call(
    State(database): State<Arc<Database>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let target = header("x-amz-target").unwrap_or_default();
    let Some(operation) = TARGET_PREFIXES.iter().find_map(|prefix| target.strip_prefix(prefix)) else {
        return unknown_operation();
    };
    let material = AuthMaterial {
        authorization: header("authorization"),
        query: query.as_deref().unwrap_or_default(),
        has_date_header: header("x-amz-date").is_some() || header("date").is_some(),
    };
    if let Some(problem) = auth_material::validate(material) {
        return respond(StatusCode::BAD_REQUEST, problem);
    }
    match answer(&database, operation, &body) {
        None => unknown_operation(),
        Some((status, body)) => respond(status, body),
    }
}

/// The status and the body of the response to an operation; `None` if the operation is unknown.
fn answer(database: &Database, operation: &str, body: &[u8]) -> Option<(StatusCode, String)> {
    Some(match dispatch(database, operation, body)? {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code());
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_json())
        }
    })
}

/// The embedded engine with the table and without a server: each call is a function call, and
/// nothing else runs. For simulations.
#[derive(Clone)]
pub struct EmbeddedTable(Arc<Database>);

impl EmbeddedTable {
    /// A new table in memory, by the deployed definition, including its name.
    pub fn in_memory() -> Result<Self, DynamoError> {
        let failed = |error: &dyn fmt::Display| DynamoError::Engine {
            engine: Engine::Memory,
            reason: error.to_string(),
        };
        let database = Database::memory().map_err(|error| failed(&error))?;
        let mut definition: Value =
            serde_json::from_str(DEFINITION).map_err(|error| DynamoError::Definition(error.to_string()))?;
        // A field of the CloudFormation resource, not of `CreateTable`.
        definition.as_object_mut().map(|fields| fields.remove("TimeToLiveSpecification"));
        let table = Self(Arc::new(database));
        match table.call("CreateTable", definition.to_string().as_bytes()) {
            (StatusCode::OK, _) => Ok(table),
            (_, body) => Err(failed(&body)),
        }
    }

    /// The status and the body of the response to an operation.
    #[must_use]
    pub fn call(&self, operation: &str, body: &[u8]) -> (StatusCode, String) {
        answer(&self.0, operation, body)
            .unwrap_or_else(|| (StatusCode::BAD_REQUEST, unknown_operation_body()))
    }
}

impl fmt::Debug for EmbeddedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmbeddedTable")
    }
}

/// The response to an operation; `None` if the operation is unknown.
fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Option<dynoxide::Result<String>> {
    Some(match operation {
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DeleteTable" => run(body, |request| database.delete_table(request)),
        "DescribeTable" => run(body, |request| database.describe_table(request)),
        "ListTables" => run(body, |request| database.list_tables(request)),
        "UpdateTable" => run(body, |request| database.update_table(request)),
        "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
        "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
        "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "ExecuteStatement" => run(body, |request| database.execute_statement(request)),
        "ExecuteTransaction" => run(body, |request| database.execute_transaction(request)),
        "BatchExecuteStatement" => run(body, |request| database.batch_execute_statement(request)),
        "ListStreams" => run(body, |request| database.list_streams(request)),
        "DescribeStream" => run(body, |request| database.describe_stream(request)),
        "GetShardIterator" => run(body, |request| database.get_shard_iterator(request)),
        "GetRecords" => run(body, |request| database.get_records(request)),
        "TagResource" => run(body, |request| database.tag_resource(request)),
        "UntagResource" => run(body, |request| database.untag_resource(request)),
        "ListTagsOfResource" => run(body, |request| database.list_tags_of_resource(request)),
        _ => return None,
    })
}

fn run<T: DeserializeOwned, R: Serialize>(
    body: &[u8],
    operation: impl FnOnce(T) -> dynoxide::Result<R>,
) -> dynoxide::Result<String> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_string(&operation(request)?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn unknown_operation() -> Response {
    respond(StatusCode::BAD_REQUEST, unknown_operation_body())
}

fn unknown_operation_body() -> String {
    json!({"__type": "com.amazon.coral.service#UnknownOperationException"}).to_string()
}

fn respond(status: StatusCode, body: String) -> Response {
    let id = Uuid::new_v4().simple().to_string().to_uppercase();
    let headers =
        [(header::CONTENT_TYPE.as_str(), "application/x-amz-json-1.0"), ("x-amzn-requestid", id.as_str())];
    (status, headers, body).into_response()
}
