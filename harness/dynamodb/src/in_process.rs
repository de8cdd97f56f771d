//! The AWS SDK on the embedded engine: each attempt of a call is a function call.

use aws_config::SdkConfig;
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use keysync_emulator_support::aws;

use crate::{DynamoError, engine::EmbeddedTable};

impl EmbeddedTable {
    /// The configuration of a client of this table.
    pub fn sdk_config(&self) -> Result<SdkConfig, DynamoError> {
        let connector = SharedHttpConnector::new(self.clone());
        let client = http_client_fn(move |_, _| connector.clone());
        Ok(aws::sdk_config("http://embedded").to_builder().http_client(client).build())
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let (status, body) = self.call(operation, request.body().bytes().unwrap_or_default());
        let status = StatusCode::try_from(status.as_u16())
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        Ok(HttpResponse::new(status, body.into()))
    }
}

impl HttpConnector for EmbeddedTable {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(&request))
    }
}
