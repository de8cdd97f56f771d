//! A ledger whose process is stopped after one write: the table rejects every further one.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use keysync::ledger::Ledger;
use keysync_dynamodb_emulator::{EmbeddedTable, TABLE};

/// An error that the SDK does not retry.
const DENIED: &str = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"one write"}"#;

#[derive(Debug)]
struct OneWrite {
    table: EmbeddedTable,
    writes: AtomicUsize,
}

impl HttpConnector for OneWrite {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_write = request.headers().get("x-amz-target").is_some_and(|it| it.ends_with("UpdateItem"));
        if is_write && self.writes.fetch_add(1, Ordering::Relaxed) > 0 {
            let status = StatusCode::try_from(400).unwrap();
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(status, DENIED.into())));
        }
        HttpConnector::call(&self.table, request)
    }
}

pub(crate) fn ledger(table: &EmbeddedTable) -> Ledger {
    let connector = SharedHttpConnector::new(OneWrite { table: table.clone(), writes: AtomicUsize::new(0) });
    let client = http_client_fn(move |_, _| connector.clone());
    let config = table.sdk_config().unwrap().to_builder().http_client(client).build();
    Ledger::new(&config, TABLE.to_owned())
}
