//! Documentation beside the console, for the command `harness up`.

use serde_json::Value;

use crate::{HarnessBuilder, control};

impl HarnessBuilder {
    /// Serves documentation at the endpoint's address: routes at and below `/docs`, to which the
    /// console links.
    pub fn documentation(self, routes: axum::Router) -> Self {
        Self { documentation: Some(routes), ..self }
    }
}

/// The `OpenAPI` document of the control API, as a harness serves it at `/_harness/openapi.json`.
#[must_use]
pub fn control_api_document() -> Value {
    // A document has only string keys, so it always serializes.
    serde_json::to_value(control::document()).unwrap_or_default()
}
