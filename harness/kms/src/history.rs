//! Event history of a key, newest first. An extension: the documented API has no such operation.
//!
//! A key's item contains only its last notification. The emulated KMS therefore stores an event
//! item for each notification that passes through it, under the claim's ID. The last notification
//! may have no event item: a sync that was sent directly to the function, or whose response was
//! lost. It is then reconstructed from the key's item, without its initiator.

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

/// Records an action of `caller`, after the function has processed its event. A failure to record
/// it is ignored, because the action was performed.
pub(super) async fn record_action(endpoint: &Endpoint, caller: &Caller, crn: &KeyCrn, event: LifecycleEvent) {
    let Ok(StoredKey { record, .. }) = endpoint.0.store.get(caller.instance, crn.key).await else { return };
    if record.caller.is_none() && record.event == event {
        record_last(endpoint, caller, &record).await;
    }
}

/// Records a sync of `caller`, after the function has accepted it. An invalid caller or key is
/// ignored here, because the function's decision is final.
pub(super) async fn record_sync(
    endpoint: &Endpoint,
    caller: Result<Caller, ApiError>,
    name: Result<Path<String>, PathRejection>,
) {
    let (Ok(caller), Ok(name)) = (caller, name) else { return };
    let Ok(StoredKey { record, .. }) = caller.key(endpoint, "kms.secrets.sync", name).await else { return };
    // A lifecycle action may have replaced the sync in the meantime.
    if record.caller.as_ref().is_some_and(|by| by.to_string() == caller.principal.iam_id) {
        record_last(endpoint, &caller, &record).await;
    }
}

/// Records the key's last notification with `caller` as its initiator.
async fn record_last(endpoint: &Endpoint, caller: &Caller, record: &KeyRecord) {
    if let (Some(claim), Some(mut event)) = (record.claim, last(record)) {
        event.by = Some(caller.principal.iam_id.clone());
        // If the write fails, `history` reconstructs the event from the key's item.
        drop(endpoint.0.store.add_event(&record.crn, claim, &event).await);
    }
}

/// The last notification, from the key's item.
fn last(record: &KeyRecord) -> Option<KeyEvent> {
    let (action, at) = match record.caller {
        Some(_) => (EventType::Sync, record.notified_at?),
        None => (EventType::Action(record.event.action), record.event.at),
    };
    record.claim.map(|_| KeyEvent { action, at, by: None, sequence: Some(record.sequence) })
}

/// The creation of the key, which notifies no service, if its time is known.
fn creation(key: &StoredKey) -> Option<KeyEvent> {
    let action = EventType::Action(LifecycleAction::Create);
    Some(KeyEvent {
        action,
        at: key.known_created_at()?,
        by: key.description.created_by.clone(),
        sequence: None,
    })
}

/// All events of `key`, newest first: the `recorded` ones and those that follow from its item.
fn history(key: &StoredKey, recorded: Vec<KeyEvent>) -> Vec<KeyEvent> {
    let mut events = recorded;
    let was_recorded = |last: &KeyEvent| events.iter().any(|event| event.sequence == last.sequence);
    events.extend(last(&key.record).filter(|last| !was_recorded(last)));
    events.extend(creation(key));
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.sequence)));
    events
}
