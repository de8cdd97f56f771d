//! Listing and counting of keys.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue},
    response::IntoResponse,
};
use keysync::domain::{EpochMillis, KeyState};
use serde_json::{Value, json};

use super::{
    filter::Filter,
    search::{self, Search},
    sort,
};
use crate::{ApiError, Endpoint, address::Caller, query::Params, representation, store::StoredKey};

const KEY_TOTAL: HeaderName = HeaderName::from_static("key-total");

pub(crate) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    caller.authorize(&endpoint, "kms.secrets.list")?;
    let (page, order) = (params.page(200)?, sort::parse(params.text("sort").unwrap_or_default())?);
    let search = params.text("search").map(Search::parse).transpose()?;
    let mut keys = selected(&endpoint, &caller, &params).await?;
    sort::by(&mut keys, &order, endpoint.0.clock.now());
    if let Some(search) = &search {
        search::check_number_of_keys(keys.len())?;
        keys = search.apply(keys);
    }
    let now = endpoint.0.clock.now();
    let keys: Vec<_> = page.of(keys).iter().map(|key| representation::key(key, now)).collect();
    let mut response = representation::collection("key", &keys);
    if let Some(search) = search {
        response["metadata"]["searchQuery"] = json!(search);
    }
    Ok(response)
}

/// Returns the number of keys in the header `key-total`.
pub(crate) async fn total(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    params: Params,
) -> Result<impl IntoResponse, ApiError> {
    caller.authorize(&endpoint, "kms.secrets.head")?;
    let keys = selected(&endpoint, &caller, &params).await?;
    Ok([(KEY_TOTAL, HeaderValue::from(keys.len()))])
}

/// The keys in the scope of the request that the parameters select. If they select no state,
/// deleted keys are left out.
async fn selected(endpoint: &Endpoint, caller: &Caller, params: &Params) -> Result<Vec<StoredKey>, ApiError> {
    let filter = Filter::parse(params.text("filter").unwrap_or_default())?;
    let states = states(params)?;
    let extractable = params.flag("extractable")?;
    filter.allow_beside("state", states.is_some())?;
    filter.allow_beside("extractable", extractable.is_some())?;

    let now = endpoint.0.clock.now();
    let all_states = filter.has("state");
    let in_state = |key: &StoredKey, now: EpochMillis| match &states {
        Some(states) => states.contains(&u8::from(key.state(now))),
        None => all_states || key.record.state != KeyState::Destroyed,
    };
    let mut keys = endpoint.0.store.list(caller.instance).await?;
    keys.retain(|key| {
        caller.in_scope(&key.record.ring)
            && in_state(key, now)
            && extractable.is_none_or(|extractable| extractable != key.is_root())
            && filter.matches(key, now)
    });
    Ok(keys)
}

fn states(params: &Params) -> Result<Option<Vec<u8>>, ApiError> {
    let states = params.list("state");
    if states.is_empty() {
        return Ok(None);
    }
    states.into_iter().map(super::filter::parse_state).collect::<Result<Vec<_>, _>>().map(Some)
}
