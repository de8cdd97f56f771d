//! Earlier form of the actions: `POST /api/v2/keys/{id}?action=…`. The public clients still use it.

use axum::{
    extract::{Path, Request, State},
    http::Uri,
    response::{IntoResponse, Response},
};
use tower::ServiceExt;

use crate::{ApiError, Endpoint, query::Params};

/// Actions that this form supports. Later actions have only a path.
const ACTIONS: [&str; 8] =
    ["disable", "enable", "rewrap", "rotate", "setKeyForDeletion", "unsetKeyForDeletion", "unwrap", "wrap"];

/// Routes the request to the path of its action.
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
    // The second router must not see the path parameters of the first.
    request.extensions_mut().clear();
    *request.uri_mut() = Uri::try_from(path).map_err(|error| ApiError::field("id", error))?;
    Ok(endpoint.router().oneshot(request).await.into_response())
}
