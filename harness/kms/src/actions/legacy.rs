//! Actions as they were called first: `POST /api/v2/keys/{id}?action=…`. The public clients still do.

use axum::{
    extract::{Path, Request, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use tower::ServiceExt;

use crate::{ApiError, Endpoint, query::Params};

/// Those that were there when the others got paths of their own.
const ACTIONS: [&str; 8] =
    ["disable", "enable", "rewrap", "rotate", "setKeyForDeletion", "unsetKeyForDeletion", "unwrap", "wrap"];

/// Goes on as the request that took its place.
pub(crate) async fn act(
    State(endpoint): State<Endpoint>,
    Path(_): Path<String>,
    params: Params,
    mut request: Request,
) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let path = match params.text("action").unwrap_or_default() {
        "restore" => format!("{path}/restore"),
        action if ACTIONS.contains(&action) => format!("{path}/actions/{action}"),
        other => {
            let problem = format!("must be restore or one of {}: got `{other}`", ACTIONS.join(", "));
            return Err(ApiError::field("action", problem));
        }
    };
    // What the first router found in the path is not what the second will.
    request.extensions_mut().clear();
    *request.uri_mut() = Uri::try_from(path).map_err(|error| ApiError::field("id", error))?;
    Ok(endpoint.router().oneshot(request).await.into_response())
}
