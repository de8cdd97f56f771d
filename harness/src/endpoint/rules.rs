//! The state rules: which lifecycle action a key allows, and what it is afterwards. Pure.

use std::time::Duration;

use axum::http::StatusCode;
use keysync::key::{EpochMillis, KeyState, LifecycleAction};

use super::{
    ApiError,
    store::{Registration, StoredKey},
};

/// How soon after another action a key can be enabled or restored (contract section 4).
const SETTLING: Duration = Duration::from_secs(30);
/// How often a key can be rotated (contract section 4).
const BETWEEN_ROTATIONS: Duration = Duration::from_hours(1);
/// How long after its deletion a key can be purged.
const BEFORE_PURGE: Duration = Duration::from_hours(4);

/// The state of `key` after `action` at `now`, if its present state allows that.
pub(super) fn next_state(
    key: &StoredKey,
    action: LifecycleAction,
    now: EpochMillis,
) -> Result<KeyState, ApiError> {
    use KeyState::{Active, Deactivated, Destroyed, Suspended};
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    let next = match (action, key.record.state) {
        (Rotate, Active) | (Enable, Suspended) | (Restore, Destroyed) => Active,
        (Disable, Active) => Suspended,
        (Delete, Active | Suspended | Deactivated) => Destroyed,
        (Delete, Destroyed) => {
            return Err(ApiError::new(StatusCode::GONE, "KEY_DELETED_ERR", "The key is deleted already"));
        }
        (action, state) => {
            let message =
                format!("The key is {state:?}, which does not allow the action {}", action.as_str());
            return Err(ApiError::conflict("KEY_ACTION_INVALID_STATE_ERR", message));
        }
    };
    let recently = |instant: EpochMillis, pause: Duration| now.since(instant) < pause;
    if matches!(action, Enable | Restore) && recently(key.record.event.at, SETTLING) {
        let message = format!(
            "The key was updated recently: Please wait {} s after the last action",
            SETTLING.as_secs()
        );
        return Err(ApiError::conflict("REQ_TOO_EARLY_ERR", message));
    }
    if action == Rotate && key.rotated_at().is_some_and(|at| recently(at, BETWEEN_ROTATIONS)) {
        return Err(ApiError::conflict(
            "KEY_ROTATION_NOT_PERMITTED",
            "The key was rotated within the past hour",
        ));
    }
    Ok(next)
}

/// Whether the resources that a key protects allow its deletion.
pub(super) fn may_delete(registrations: &[Registration], force: bool) -> Result<(), ApiError> {
    if let Some(registration) = registrations.iter().find(|registration| registration.prevent_key_deletion) {
        let message =
            format!("The registration of {} prevents the key's deletion", registration.resource_crn);
        return Err(ApiError::conflict("PREV_KEY_DEL_ERR", message));
    }
    if !registrations.is_empty() && !force {
        let message =
            format!("The key protects {} resource(s): delete it with force=true", registrations.len());
        return Err(ApiError::conflict("PROTECTED_RESOURCE_ERR", message));
    }
    Ok(())
}

/// Whether a key can be purged.
pub(super) fn may_purge(key: &StoredKey, now: EpochMillis) -> Result<(), ApiError> {
    if key.record.state != KeyState::Destroyed {
        return Err(ApiError::conflict("KEY_ACTION_INVALID_STATE_ERR", "Only a deleted key can be purged"));
    }
    if now.since(key.record.event.at) < BEFORE_PURGE {
        return Err(ApiError::conflict(
            "REQ_TOO_EARLY_ERR",
            "A key can be purged four hours after its deletion",
        ));
    }
    Ok(())
}
