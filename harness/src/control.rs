//! The control API under `/_harness/`: what a test in any language can do to the world.
//!
//! ```text
//! POST /_harness/time                          {"advance": "1h"}      makes it later
//! POST /_harness/redeliver                                            runs `redeliver` once: what it did
//! GET  /_harness/services                                             what each service holds and was told
//! PUT  /_harness/services/{name}/behaviour     {"behaviour": "miss", "times": 1}
//! GET  /_harness/services/{name}/callbacks                            what reached it, oldest first
//! ```

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use jiff::Span;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    function::Handle,
    schedule,
    services::{AssociatedService, Behaviour},
    travel::TimeMachine,
};

#[derive(Clone)]
struct Control {
    time: TimeMachine,
    services: Vec<AssociatedService>,
    redeliver: Handle,
}

/// The routes of the control API.
pub(crate) fn router(time: TimeMachine, services: Vec<AssociatedService>, redeliver: Handle) -> Router {
    Router::new()
        .route("/_harness/redeliver", post(run_redeliver))
        .route("/_harness/time", post(advance))
        .route("/_harness/services", get(list))
        .route("/_harness/services/{name}/behaviour", put(behave))
        .route("/_harness/services/{name}/callbacks", get(callbacks))
        .with_state(Control { time, services, redeliver })
}

#[derive(Deserialize)]
struct Advance {
    advance: String,
}

async fn advance(State(control): State<Control>, Json(Advance { advance }): Json<Advance>) -> Response {
    match parse_duration(&advance) {
        Ok(by) => match control.time.travel(by).await {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        Err(error) => problem(StatusCode::BAD_REQUEST, &format!("`advance` {error}")),
    }
}

/// A duration as people write it: `1h`, `90m`, `3600s`, `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = |why: String| format!("must be a duration such as `1h` or `90m`: got `{text}` ({why})");
    let span: Span = text.parse().map_err(|error: jiff::Error| wrong(error.to_string()))?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|error| wrong(error.to_string()))?;
    std::time::Duration::try_from(duration).map_err(|_| wrong("time goes forward only".to_owned()))
}

async fn run_redeliver(State(control): State<Control>) -> Response {
    match control.redeliver.invoke(&schedule::event()).await {
        Ok(summary) => Json(summary).into_response(),
        Err(error) => problem(StatusCode::BAD_GATEWAY, &error.to_string()),
    }
}

async fn list(State(control): State<Control>) -> Json<Value> {
    let services = control.services.iter().map(|service| {
        json!({"name": service.name(), "resources": service.resources(), "callbacks": service.received().len()})
    });
    Json(json!({"services": services.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
struct Behave {
    behaviour: Behaviour,
    /// For this many callbacks; from now on, where it is not given.
    times: Option<usize>,
}

async fn behave(
    State(control): State<Control>,
    Path(name): Path<String>,
    Json(Behave { behaviour, times }): Json<Behave>,
) -> Response {
    let Some(service) = control.service(&name) else { return no_service(&name) };
    match times {
        Some(times) => service.behave_next(times, behaviour),
        None => service.behave(behaviour),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn callbacks(State(control): State<Control>, Path(name): Path<String>) -> Response {
    match control.service(&name) {
        Some(service) => Json(json!({"callbacks": service.received()})).into_response(),
        None => no_service(&name),
    }
}

impl Control {
    fn service(&self, name: &str) -> Option<&AssociatedService> {
        self.services.iter().find(|service| service.name() == name)
    }
}

fn no_service(name: &str) -> Response {
    problem(
        StatusCode::NOT_FOUND,
        &format!("there is no service `{name}`; GET /_harness/services lists them"),
    )
}

fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}
