//! The control API under `/_harness/`, with which a test suite in any language controls and
//! inspects the harness. `GET /_harness/openapi.json` describes it; the document is generated from
//! the handlers.

mod document;
mod dynamo;
mod iam;
mod keys;
mod problem;
mod recording;
mod request;
mod response;
mod services;
mod snapshots;
mod world;

use std::sync::{Arc, Weak};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts},
    http::{HeaderName, HeaderValue, request::Parts as Head},
    middleware,
    response::Response,
    routing::{any, get},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{info::VERSION_HEADER, parts::Parts};
use problem::Problem;

/// A weak reference to the controlled harness.
#[derive(Clone)]
struct Control(Weak<Parts>);

/// The running harness, as an extractor.
struct Running(Arc<Parts>);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "keysync harness control API",
        description = "Controls and inspects a running harness from a test suite in any language. It is served at \
                       the endpoint's address, by default on loopback, and needs no credentials. Requests of other sites' \
                       web pages are denied with 403. Every other response has the header `keysync-harness` with \
                       the harness's version.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "harness", description = "The harness as a whole"),
        (name = "snapshots", description = "Named snapshots of the harness's state"),
        (name = "keys", description = "Keys, and the resources that they protect"),
        (name = "services", description = "Associated services: their behaviour and the callbacks that they received"),
        (name = "faults", description = "Faults of IAM and DynamoDB")
    )
)]
struct Document;

/// The `OpenAPI` document of the control API.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    described_routes().1
}

/// The routes of the control API, and its `OpenAPI` document.
pub(crate) fn router(parts: Weak<Parts>) -> Router {
    let (router, document) = described_routes();
    router
        .route("/_harness/openapi.json", get(async || Json(document)))
        .route("/_harness/sync-api.json", get(async || Json(keysync::api::openapi())))
        .route("/_harness/", any(problem::unknown_path))
        .route("/_harness/{*path}", any(problem::unknown_path))
        .method_not_allowed_fallback(problem::unknown_method)
        .route_layer(middleware::map_response(add_version_header))
        .with_state(Control(parts))
}

fn described_routes() -> (Router<Control>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(world::info))
        .routes(routes!(world::reset))
        .routes(routes!(world::advance))
        .routes(routes!(world::redeliver))
        .routes(routes!(world::schedule))
        .routes(routes!(world::rotate_signing_key))
        .routes(routes!(world::requests, world::forget_requests))
        .routes(routes!(world::count_requests))
        .routes(routes!(world::request))
        .routes(routes!(world::dead_letters))
        .routes(routes!(recording::get))
        .routes(routes!(snapshots::list))
        .routes(routes!(snapshots::load))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get))
        .routes(routes!(keys::register))
        .routes(routes!(services::list))
        .routes(routes!(services::get))
        .routes(routes!(services::behave))
        .routes(routes!(services::callbacks, services::forget_callbacks))
        .routes(routes!(iam::set_health))
        .routes(routes!(iam::set_issuer))
        .routes(routes!(iam::set_clock))
        .routes(routes!(iam::rotate))
        .routes(routes!(iam::token))
        .routes(routes!(dynamo::inject, dynamo::clear))
        .merge(routes_of_files())
        .split_for_parts();
    document::complete(&mut document);
    (router, document)
}

/// The routes whose body can be a file with the requests of a long run.
fn routes_of_files() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(recording::replay))
        .routes(routes!(snapshots::get, snapshots::save, snapshots::put, snapshots::delete))
        .layer(DefaultBodyLimit::max(request::MAX_FILE_BYTES))
}

/// Adds the version header, by which a client recognizes a harness.
async fn add_version_header(mut response: Response) -> Response {
    let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
    response.headers_mut().insert(HeaderName::from_static(VERSION_HEADER), version);
    response
}

impl FromRequestParts<Control> for Running {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Head, control: &Control) -> Result<Self, Problem> {
        control.0.upgrade().map(Self).ok_or_else(Problem::ending)
    }
}
