//! Associated services: how they behave, what they hold, what reached them.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Running,
    problem::Problem,
    request::{Body, Path, Query},
};
use crate::{
    limits,
    services::{AssociatedService, Behaviour, Protected, Received},
};

/// A service.
#[derive(Serialize, ToSchema)]
pub(super) struct ServiceView {
    /// Its CRN service name.
    name: String,
    /// Its resources by name, each with whether it opens.
    resources: BTreeMap<String, ResourceView>,
    /// How many callbacks it remembers.
    callbacks: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ResourceView {
    #[serde(flatten)]
    protected: Protected,
    /// Whether it opens, by what its service was last told of the key.
    opens: bool,
}

fn view(service: &AssociatedService) -> ServiceView {
    let resource = |(name, protected): (String, Protected)| {
        let opens = matches!(service.access(&name), Some(Ok(_)));
        (name, ResourceView { protected, opens })
    };
    ServiceView {
        name: service.name().to_owned(),
        resources: service.resources().into_iter().map(resource).collect(),
        callbacks: service.received().len(),
    }
}

/// The emulated services.
#[utoipa::path(
    get, operation_id = "list_services", path = "/_harness/services", tag = "services", responses((status = 200, body = Vec<ServiceView>, description = "The services"))
)]
pub(super) async fn list(Running(parts): Running) -> Json<Vec<ServiceView>> {
    Json(parts.services.iter().map(view).collect())
}

/// An emulated service, and its resources.
#[utoipa::path(
    get, operation_id = "get_service", path = "/_harness/services/{name}", tag = "services",
    params(("name" = String, Path, description = "Its CRN service name", example = "cloud-object-storage")),
    responses((status = 200, body = ServiceView, description = "The service"), (status = 404, body = Problem, description = "There is no such thing here"))
)]
pub(super) async fn get(
    Running(parts): Running,
    Path(name): Path<String>,
) -> Result<Json<ServiceView>, Problem> {
    Ok(Json(view(parts.service(&name)?)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Behave {
    behaviour: Behaviour,
    /// For this many callbacks; from now on, where it is not given.
    #[serde(default, deserialize_with = "limits::times")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    times: Option<usize>,
}

/// How a service treats callbacks from now on, or the next few of them.
#[utoipa::path(
    put, operation_id = "set_behaviour", path = "/_harness/services/{name}/behaviour", tag = "services", request_body = Behave,
    params(("name" = String, Path, description = "Its CRN service name", example = "cloud-object-storage")),
    responses((status = 204, description = "Done"), (status = 404, body = Problem, description = "There is no such thing here"))
)]
pub(super) async fn behave(
    Running(parts): Running,
    Path(name): Path<String>,
    Body(Behave { behaviour, times }): Body<Behave>,
) -> Result<StatusCode, Problem> {
    let service = parts.service(&name)?;
    match times {
        Some(times) => service.behave_next(times, behaviour),
        None => service.behave(behaviour),
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbacksQuery {
    /// Only those about this key.
    key: Option<String>,
    /// Waits until there are so many.
    #[serde(default, deserialize_with = "limits::at_least")]
    #[param(minimum = 0, maximum = 10_000)]
    at_least: usize,
    /// How long at the most, such as `5s`, from 0s to 1m: the answer comes then, whether they have come or not.
    within: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Callbacks {
    callbacks: Vec<Received>,
}

/// The callbacks that reached a service, oldest first.
#[utoipa::path(
    get, operation_id = "list_callbacks", path = "/_harness/services/{name}/callbacks", tag = "services",
    params(("name" = String, Path, description = "Its CRN service name", example = "cloud-object-storage"), CallbacksQuery),
    responses((status = 200, body = Callbacks, description = "The callbacks"), (status = 404, body = Problem, description = "There is no such thing here"))
)]
pub(super) async fn callbacks(
    Running(parts): Running,
    Path(name): Path<String>,
    Query(CallbacksQuery { key, at_least, within }): Query<CallbacksQuery>,
) -> Result<Json<Callbacks>, Problem> {
    let service = parts.service(&name)?.clone();
    let limit =
        within.as_deref().map_or(Ok(Duration::from_secs(5)), |text| limits::duration(text, &limits::WAIT));
    let limit = limit.map_err(|error| Problem::bad(format!("`within` {error}")))?;
    // A request that waits does not keep the harness.
    drop(parts);
    let wanted = || match &key {
        Some(key) => service.callbacks_of(key),
        None => service.received(),
    };
    let enough = || wanted().len() >= at_least;
    service.arrived(enough, limit).await;
    Ok(Json(Callbacks { callbacks: wanted() }))
}

/// Forgets the callbacks that reached a service.
#[utoipa::path(
    delete, path = "/_harness/services/{name}/callbacks", tag = "services",
    params(("name" = String, Path, description = "Its CRN service name", example = "cloud-object-storage")),
    responses((status = 204, description = "Done"), (status = 404, body = Problem, description = "There is no such thing here"))
)]
pub(super) async fn forget_callbacks(
    Running(parts): Running,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    drop(parts.service(&name)?.take_received());
    Ok(StatusCode::NO_CONTENT)
}
