//! The control API under `/_harness/`: what a suite in any language can do to the world, and see of it.
//! `GET /_harness/openapi.json` describes it; what it says and what is served come from the same lines.

mod document;
mod dynamo;
mod iam;
mod keys;
mod problem;
mod request;
mod services;
mod world;

use std::sync::{Arc, Weak};

use axum::{
    Json, Router,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, request::Parts as Head},
    middleware,
    response::Response,
    routing::{any, get},
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{info::VERSION_HEADER, parts::Parts};
use problem::Problem;

/// The harness that is controlled, for as long as it is there.
#[derive(Clone)]
struct Control(Weak<Parts>);

/// The harness, in a request.
struct Running(Arc<Parts>);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "keysync harness control API",
        description = "What a test suite in any language can do to a running harness, and see of it. It is \
                       served at the endpoint's address, on loopback only, and asks for no credentials. Requests of \
                       web pages of other sites are refused with 403. Each other response has the header `keysync-harness` with the harness's version.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "harness", description = "The harness as a whole"),
        (name = "keys", description = "Keys, and the resources that they protect"),
        (name = "services", description = "Associated services: how they behave, what reached them"),
        (name = "faults", description = "What goes wrong at IAM and DynamoDB")
    )
)]
struct Document;

/// The routes of the control API, and what describes them.
pub(crate) fn router(parts: Weak<Parts>) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(world::info))
        .routes(routes!(world::reset))
        .routes(routes!(world::advance))
        .routes(routes!(world::redeliver))
        .routes(routes!(world::requests, world::forget_requests))
        .routes(routes!(world::dead_letters))
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
        .routes(routes!(dynamo::inject, dynamo::heal))
        .split_for_parts();
    document::complete(&mut document);
    router
        .route("/_harness/openapi.json", get(async || Json(document)))
        .route("/_harness/sync-api.json", get(async || Json(keysync::api::openapi())))
        .route("/_harness/", any(problem::unknown_path))
        .route("/_harness/{*path}", any(problem::unknown_path))
        .method_not_allowed_fallback(problem::unknown_method)
        .route_layer(middleware::map_response(name_the_harness))
        .with_state(Control(parts))
}

/// Says in each response that it comes from a harness, so that a client at a wrong address knows.
async fn name_the_harness(mut response: Response) -> Response {
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
