//! Extractors of the control API. They convert rejections of axum to a [`Problem`], so that every
//! error response matches the `OpenAPI` document.

use axum::{
    Json, RequestPartsExt,
    body::Bytes,
    extract::{self, FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts as Head},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The largest body that has a snapshot or a recording, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 64_000_000;

/// A JSON body, whatever its content type.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The content type is ignored, because curl -d does not send that of JSON.
        let body = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(status, "the body must be at most 2 MB, or 64 MB with a snapshot or a recording")
            }
            _ => Problem::bad(error.body_text()),
        })?;
        match Json::from_bytes(&body) {
            // serde accepts an array of the field values in place of an object.
            Ok(_) if body.trim_ascii_start().first() != Some(&b'{') => {
                Err(Problem::bad("the body must be a JSON object"))
            }
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::bad(error.body_text())),
            Err(error) => Err(Problem::bad(format!("the body must be JSON: {}", error.body_text()))),
        }
    }
}

/// The path parameters.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        let path = head.extract::<extract::Path<T>>().await;
        path.map(|extract::Path(value)| Self(value)).map_err(|error| Problem::bad(error.body_text()))
    }
}

/// The query parameters.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        let query = head.extract::<extract::Query<T>>().await;
        query.map(|extract::Query(value)| Self(value)).map_err(|error| Problem::bad(error.body_text()))
    }
}
