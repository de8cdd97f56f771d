//! The state rules: which lifecycle action a key allows, and what it is afterwards. Pure.

use std::time::Duration;

use axum::http::StatusCode;
use keysync::key::{EpochMillis, KeyState, LifecycleAction};

use super::{
    ApiError,
    store::{Registration, StoredKey},
};
use crate::iam::Principal;

/// How soon after another action a key can be enabled or restored (contract section 4).
const SETTLING: Duration = Duration::from_secs(30);
/// How often a key can be rotated (contract section 4).
const BETWEEN_ROTATIONS: Duration = Duration::from_hours(1);
/// How long after its deletion a key can be purged.
pub(super) const BEFORE_PURGE: Duration = Duration::from_hours(4);

/// The state of `key` after `action` at `now`, if its present state allows that.
pub(super) fn next_state(
    key: &StoredKey,
    action: LifecycleAction,
    now: EpochMillis,
) -> Result<KeyState, ApiError> {
    use KeyState::{Active, Deactivated, Destroyed, Suspended};
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    if matches!(action, Rotate | Enable | Disable) && !key.is_root() {
        return Err(ApiError::root_key_required());
    }
    let next = match (action, key.state(now)) {
        // What had expired before is expired still.
        (Rotate, state @ (Active | Deactivated)) => state,
        (Enable, Suspended) | (Restore, Destroyed) if key.expired(now) => Deactivated,
        (Enable, Suspended) | (Restore, Destroyed) => Active,
        (Disable, Active) => Suspended,
        (Delete, Active | Suspended | Deactivated) => Destroyed,
        (Delete, Destroyed) => return Err(ApiError::key_deleted()),
        (action, state) => return Err(invalid_state(state, action.as_str())),
    };
    let recently = |instant: EpochMillis, pause: Duration| now.since(instant) < pause;
    if matches!(action, Enable | Restore) && recently(key.record.event.at, SETTLING) {
        let message = format!(
            "The key was updated recently: Please wait {} s after the last action",
            SETTLING.as_secs()
        );
        return Err(ApiError::conflict("REQ_TOO_EARLY_ERR", message));
    }
    if action == Restore && key.restorable_until().is_some_and(|until| until <= now) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "KEY_RESTORE_EXPIRED",
            "Key restoration has expired: a key can be restored within 30 days of its deletion",
        ));
    }
    if action == Rotate && key.rotated_at().is_some_and(|at| recently(at, BETWEEN_ROTATIONS)) {
        return Err(ApiError::conflict(
            "KEY_ROTATION_NOT_PERMITTED",
            "This root key has been rotated within the last hour: Only one 'rotate' action per hour is permitted",
        ));
    }
    Ok(next)
}

/// Whether a key can be used in a state that is one of `allowed`.
pub(super) fn usable(
    key: &StoredKey,
    action: &str,
    allowed: &[KeyState],
    now: EpochMillis,
) -> Result<(), ApiError> {
    if !key.is_root() {
        return Err(ApiError::root_key_required());
    }
    match key.state(now) {
        state if allowed.contains(&state) => Ok(()),
        KeyState::Destroyed => Err(ApiError::key_deleted()),
        state => Err(invalid_state(state, action)),
    }
}

/// Whether somebody's deletion of a key is allowed by its policy and by the resources that it protects.
pub(super) fn may_delete(
    key: &StoredKey,
    registrations: &[Registration],
    force: bool,
    who: &Principal,
    now: EpochMillis,
) -> Result<(), ApiError> {
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
    let by_another = key.authorization(now).is_some_and(|authorization| authorization.by != who.iam_id);
    if needs_two(key) && !by_another {
        let message = "Number of authorizations required to delete is not met: somebody else has to set the key for deletion first";
        return Err(ApiError::conflict("AUTHORIZATIONS_NOT_MET", message));
    }
    Ok(())
}

/// Whether a key can be set for deletion, or unset.
pub(super) fn may_be_set_for_deletion(key: &StoredKey, now: EpochMillis) -> Result<(), ApiError> {
    if !needs_two(key) {
        return Err(ApiError::conflict(
            "NOT_DUAL_AUTH_ERR",
            "The key is not dual auth enabled and cannot be set for deletion",
        ));
    }
    match key.state(now) {
        KeyState::Active => Ok(()),
        state => Err(invalid_state(state, "setKeyForDeletion")),
    }
}

fn needs_two(key: &StoredKey) -> bool {
    key.description.dual_auth_delete.as_ref().is_some_and(|policy| policy.enabled)
}

/// Whether a key can be purged.
pub(super) fn may_purge(key: &StoredKey, now: EpochMillis) -> Result<(), ApiError> {
    let Some(deleted_at) = key.deleted_at() else {
        return Err(ApiError::conflict("KEY_ACTION_INVALID_STATE_ERR", "Only a deleted key can be purged"));
    };
    if now.since(deleted_at) < BEFORE_PURGE {
        return Err(ApiError::conflict(
            "REQ_TOO_EARLY_ERR",
            "The key was updated recently: A key can be purged four hours after its deletion",
        ));
    }
    Ok(())
}

fn invalid_state(state: KeyState, action: &str) -> ApiError {
    let message =
        format!("Key is not in a valid state: it is {state:?}, which does not allow the action {action}");
    ApiError::conflict("KEY_ACTION_INVALID_STATE_ERR", message)
}
