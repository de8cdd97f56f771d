//! `actions/sync` and the public keys are the function's: the request goes on as it came, and so does the answer.
//! A sync that was accepted is kept on the way, for the key's history.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{ApiError, Endpoint, address::Caller, history};

/// Headers that belong to one connection and not to the message (RFC 9110, section 7.6.1).
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
    let answer = forward(&endpoint, method, uri, headers, body).await?;
    if answer.status() == StatusCode::NO_CONTENT {
        history::keep_sync(&endpoint, caller, name).await;
    }
    Ok(answer)
}

/// The public keys that verify callbacks, so that there is one address for everything.
pub(super) async fn public_keys(
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
    let answer = request.send().await.map_err(|error| {
        let message = format!("the function does not answer: {}", keysync::http_client::reason(error));
        ApiError::new(StatusCode::BAD_GATEWAY, "SERVICE_UNAVAILABLE_ERR", message)
    })?;
    let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
    let body = answer.bytes().await.map_err(ApiError::table)?;
    Ok((status, headers, Body::from(body)).into_response())
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}
