//! Forwards `actions/sync`, `notifications` and the public key set (JWKS) to the sync function:
//! requests and responses pass unchanged. An accepted sync is recorded in the key's history.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use keysync_emulator_support::reason;

use super::{ApiError, Endpoint, address::Caller, history};

/// Headers of a connection, which are not forwarded (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [header::HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TE];

pub(super) async fn sync(
    State(endpoint): State<Endpoint>,
    caller: Result<Caller, ApiError>,
    name: Result<Path<String>, PathRejection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let response = forward(&endpoint, method, uri, headers, body).await?;
    if response.status() == StatusCode::NO_CONTENT {
        history::record_sync(&endpoint, caller, name).await;
    }
    Ok(response)
}

/// Forwards a request that has no effect here, so that clients need only one base URL.
pub(super) async fn unchanged(
    State(endpoint): State<Endpoint>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    forward(&endpoint, method, uri, headers, body).await
}

async fn forward(
    endpoint: &Endpoint,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path_and_query}", endpoint.0.function_url.trim_end_matches('/'));
    let request = endpoint.0.http.request(method, url).headers(end_to_end(headers)).body(body);
    let response = request.send().await.map_err(|error| {
        let message = format!("the sync function does not respond: {}", reason(error));
        ApiError::new(StatusCode::BAD_GATEWAY, "SERVICE_UNAVAILABLE_ERR", message)
    })?;
    let (status, headers) = (response.status(), end_to_end(response.headers().clone()));
    let body = response.bytes().await.map_err(ApiError::table)?;
    Ok((status, headers, Body::from(body)).into_response())
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}
