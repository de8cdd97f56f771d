//! Associated services: their behaviour, resources and received callbacks.

use std::{collections::BTreeMap, time::Duration};

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Running,
    problem::Problem,
    request::{Body, Path, Query},
    response::{Done, UnknownService},
};
use crate::{
    limits,
    services::{Access, AssociatedService, Behaviour, Condition, Protected, Received},
};

/// The path parameter of a service.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ServiceName {
    /// The CRN service name.
    #[param(example = "cloud-object-storage")]
    name: String,
}

/// An emulated service.
#[derive(Serialize, ToSchema)]
pub(super) struct ServiceView {
    /// The CRN service name.
    name: String,
    /// The service's resources by name.
    resources: BTreeMap<String, ResourceView>,
    /// The number of stored callbacks.
    callbacks: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ResourceView {
    #[serde(flatten)]
    protected: Protected,
    /// Whether the resource is accessible, by the last notification about its key.
    accessible: bool,
}

fn view(service: &AssociatedService) -> ServiceView {
    let resource = |(name, protected): (String, Protected)| {
        let accessible = matches!(service.access(&name), Some(Access::Allowed(_)));
        (name, ResourceView { protected, accessible })
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
    Json(parts.services.emulated.iter().map(view).collect())
}

/// An emulated service, and its resources.
#[utoipa::path(
    get, operation_id = "get_service", path = "/_harness/services/{name}", tag = "services",
    params(ServiceName),
    responses((status = 200, body = ServiceView, description = "The service"), UnknownService)
)]
pub(super) async fn get(
    Running(parts): Running,
    Path(ServiceName { name }): Path<ServiceName>,
) -> Result<Json<ServiceView>, Problem> {
    Ok(Json(view(parts.services.find(&name)?)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Behave {
    /// The behaviour; missing with `in_turn`.
    behaviour: Option<Behaviour>,
    /// The number of callbacks; if missing, all further callbacks.
    #[serde(default, deserialize_with = "limits::times")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    times: Option<usize>,
    /// The callbacks that the behaviour is for; if missing, all.
    when: Option<Condition>,
    /// Behaviours for the next callbacks, one for each, in place of `behaviour`.
    #[schema(min_items = 1, max_items = 1000)]
    in_turn: Option<Vec<Behaviour>>,
}

/// The largest number of behaviours in `in_turn`.
const MAX_IN_TURN: usize = 1000;

/// Sets the behaviour of a service.
///
/// For all further callbacks, the next ones, those that meet a condition, or in turn for each of
/// the next ones.
#[utoipa::path(
    put, operation_id = "set_behaviour", path = "/_harness/services/{name}/behaviour", tag = "services", request_body = Behave,
    params(ServiceName),
    responses(Done, UnknownService)
)]
pub(super) async fn behave(
    Running(parts): Running,
    Path(ServiceName { name }): Path<ServiceName>,
    Body(Behave { behaviour, times, when, in_turn }): Body<Behave>,
) -> Result<Done, Problem> {
    let service = parts.services.find(&name)?;
    match (behaviour, in_turn, times, when) {
        (Some(behaviour), None, None, None) => service.behave(behaviour),
        (Some(behaviour), None, Some(times), None) => service.behave_next(times, behaviour),
        (Some(behaviour), None, times, Some(condition)) => service.behave_when(condition, times, behaviour),
        (None, Some(behaviours), None, None) if (1..=MAX_IN_TURN).contains(&behaviours.len()) => {
            service.behave_in_turn(behaviours);
        }
        _ => {
            return Err(Problem::bad(format!(
                "the body must have `behaviour`, with `times` and `when` if needed, or only `in_turn` with 1 to \
                 {MAX_IN_TURN} behaviours"
            )));
        }
    }
    Ok(Done)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbacksQuery {
    /// The key's id: returns only callbacks about this key.
    key: Option<String>,
    /// Waits until there are this many callbacks.
    #[serde(default, deserialize_with = "limits::at_least")]
    #[param(minimum = 0, maximum = 10_000)]
    at_least: usize,
    /// The longest wait, such as `5s`, from 0s to 1m; 5s by default. After it, the response has the
    /// callbacks until then.
    within: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Callbacks {
    callbacks: Vec<Received>,
}

/// The callbacks that a service received, oldest first.
#[utoipa::path(
    get, operation_id = "list_callbacks", path = "/_harness/services/{name}/callbacks", tag = "services",
    params(ServiceName, CallbacksQuery),
    responses((status = 200, body = Callbacks, description = "The callbacks"), UnknownService)
)]
pub(super) async fn callbacks(
    Running(parts): Running,
    Path(ServiceName { name }): Path<ServiceName>,
    Query(CallbacksQuery { key, at_least, within }): Query<CallbacksQuery>,
) -> Result<Json<Callbacks>, Problem> {
    let service = parts.services.find(&name)?.clone();
    let limit =
        within.as_deref().map_or(Ok(Duration::from_secs(5)), |text| limits::duration(text, &limits::WAIT));
    let limit = limit.map_err(|error| Problem::bad(format!("`within` {error}")))?;
    // So that a waiting request does not keep the harness running.
    drop(parts);
    let matching = || match &key {
        Some(key) => service.callbacks_of(key),
        None => service.received(),
    };
    let enough = || matching().len() >= at_least;
    service.arrived(enough, limit).await;
    Ok(Json(Callbacks { callbacks: matching() }))
}

/// Deletes the stored callbacks of a service.
#[utoipa::path(
    delete,
    path = "/_harness/services/{name}/callbacks",
    tag = "services",
    params(ServiceName),
    responses(Done, UnknownService)
)]
pub(super) async fn forget_callbacks(
    Running(parts): Running,
    Path(ServiceName { name }): Path<ServiceName>,
) -> Result<Done, Problem> {
    drop(parts.services.find(&name)?.take_received());
    Ok(Done)
}
