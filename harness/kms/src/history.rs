//! What happened to a key, newest first. An addition of ours: the documented API has no such call.
//!
//! A key's item holds its last notification and no other. So each that passes through this endpoint leaves an
//! item of its own, under the claim's id. The last one may have none: a sync that went to the function past
//! this endpoint, or whose answer was lost. It is told from the key's item, without whoever it was.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use keysync::{
    domain::{KeyCrn, LifecycleAction, LifecycleEvent},
    ledger::KeyRecord,
};
use serde_json::Value;

use super::{
    ApiError, Endpoint,
    address::Caller,
    query::Params,
    representation,
    store::{EventType, KeyEvent, StoredKey},
};

pub(super) async fn list(
    State(endpoint): State<Endpoint>,
    caller: Caller,
    name: Path<String>,
    params: Params,
) -> Result<Json<Value>, ApiError> {
    let key = caller.key(&endpoint, "kms.secrets.readmetadata", name).await?;
    let page = params.page(200)?;
    let events = history(&key, endpoint.0.store.events(&key.record.crn).await?);
    let total = (params.flag("totalCount")? == Some(true)).then_some(events.len());
    let shown: Vec<Value> = page.of(events).iter().map(representation::event).collect();
    Ok(representation::page("event", &shown, total))
}

/// Keeps that `caller` took an action, after the function has taken the event. One that cannot be kept was
/// taken all the same.
pub(super) async fn keep_action(endpoint: &Endpoint, caller: &Caller, crn: &KeyCrn, event: LifecycleEvent) {
    let Ok(StoredKey { record, .. }) = endpoint.0.store.get(caller.instance, crn.key).await else { return };
    if record.caller.is_none() && record.event == event {
        keep(endpoint, caller, &record).await;
    }
}

/// Keeps that `caller` synchronized a key, after the function has accepted it: whatever it finds wrong with
/// the request now, the function did not.
pub(super) async fn keep_sync(
    endpoint: &Endpoint,
    caller: Result<Caller, ApiError>,
    name: Result<Path<String>, PathRejection>,
) {
    let (Ok(caller), Ok(name)) = (caller, name) else { return };
    let Ok(StoredKey { record, .. }) = caller.key(endpoint, "kms.secrets.sync", name).await else { return };
    // By now a lifecycle action may have taken the sync's place.
    if record.caller.as_ref().is_some_and(|by| by.to_string() == caller.principal.iam_id) {
        keep(endpoint, &caller, &record).await;
    }
}

/// Keeps the key's last notification as `caller`'s.
async fn keep(endpoint: &Endpoint, caller: &Caller, record: &KeyRecord) {
    if let (Some(claim), Some(mut event)) = (record.claim, last(record)) {
        event.by = Some(caller.principal.iam_id.clone());
        // What is lost here, `history` finds in the key's item.
        drop(endpoint.0.store.add_event(&record.crn, claim, &event).await);
    }
}

/// The last notification, as the key's item has it.
fn last(record: &KeyRecord) -> Option<KeyEvent> {
    let (action, at) = match record.caller {
        Some(_) => (EventType::Sync, record.notified_at?),
        None => (EventType::Action(record.event.action), record.event.at),
    };
    record.claim.map(|_| KeyEvent { action, at, by: None, sequence: Some(record.sequence) })
}

/// The only thing that notifies nobody, where it is known when that was.
fn made(key: &StoredKey) -> Option<KeyEvent> {
    let action = EventType::Action(LifecycleAction::Create);
    Some(KeyEvent { action, at: key.made_at()?, by: key.description.created_by.clone(), sequence: None })
}

/// All that happened to `key`, newest first, of which these were `kept`.
fn history(key: &StoredKey, kept: Vec<KeyEvent>) -> Vec<KeyEvent> {
    let mut events = kept;
    let was_kept = |last: &KeyEvent| events.iter().any(|event| event.sequence == last.sequence);
    events.extend(last(&key.record).filter(|last| !was_kept(last)));
    events.extend(made(key));
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.sequence)));
    events
}
