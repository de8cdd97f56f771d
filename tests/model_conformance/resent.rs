//! A record whose response is lost on the wire: the SDK sends the lost call again, and not the ones
//! of the same record before it. A process whose clock is behind needs two.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use keysync::ledger::Ledger;
use keysync_dynamodb_emulator::{EmbeddedTable, TABLE};

/// The status and body of a response.
pub(crate) type Response = (u16, String);

/// The responses that a process has got, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Responses(Arc<Mutex<Vec<Response>>>);

impl Responses {
    /// Those to all calls but the last one, whose response is lost.
    pub(crate) fn before_last(&self) -> Vec<Response> {
        let mut responses = self.0.lock().unwrap().clone();
        responses.pop();
        responses
    }
}

#[derive(Debug)]
struct Wire {
    table: EmbeddedTable,
    repeated: Mutex<VecDeque<Response>>,
    responses: Responses,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let repeated = self.repeated.lock().unwrap().pop_front();
        let (status, body) = repeated.unwrap_or_else(|| {
            let (status, body) = self.table.call(operation, request.body().bytes().unwrap_or_default());
            (status.as_u16(), body)
        });
        self.responses.0.lock().unwrap().push((status, body.clone()));
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, body.into())))
    }
}

/// A ledger whose first calls get the responses `repeated`, and the later ones those of the table.
/// All of them are in the second value.
pub(crate) fn ledger(table: &EmbeddedTable, repeated: Vec<Response>) -> (Ledger, Responses) {
    let responses = Responses::default();
    let repeated = Mutex::new(repeated.into());
    let wire = Wire { table: table.clone(), repeated, responses: responses.clone() };
    let connector = SharedHttpConnector::new(wire);
    let client = http_client_fn(move |_, _| connector.clone());
    let config = table.sdk_config().unwrap().to_builder().http_client(client).build();
    (Ledger::new(&config, TABLE.to_owned()), responses)
}
