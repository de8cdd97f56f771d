//! State rules: which lifecycle actions the state of a key allows, and the next state. No I/O.

use std::time::Duration;

use axum::http::StatusCode;
use keysync::domain::{EpochMillis, KeyState, LifecycleAction};

use super::{
    ApiError,
    store::{Registration, StoredKey},
};
use keysync_iam_emulator::Principal;

/// Minimum time from any action to enabling or restoring a key.
const MIN_PAUSE: Duration = Duration::from_secs(30);
/// Minimum time between two rotations of a key.
const ROTATION_INTERVAL: Duration = Duration::from_hours(1);
/// Minimum time from deletion to purge of a key.
pub(super) const PURGE_DELAY: Duration = Duration::from_hours(4);

/// The state of `key` after `action` at `now`, or an error if its present state does not allow it.
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
        // A rotation does not change the expiration date.
        (Rotate, state @ (Active | Deactivated)) => state,
        (Enable, Suspended) | (Restore, Destroyed) if key.expired(now) => Deactivated,
        (Enable, Suspended) | (Restore, Destroyed) => Active,
        (Disable, Active) => Suspended,
        (Delete, Active | Suspended | Deactivated) => Destroyed,
        (Delete, Destroyed) => return Err(ApiError::key_deleted()),
        (action, state) => return Err(invalid_state(state, action.as_str())),
    };
    let recently = |instant: EpochMillis, pause: Duration| now.since(instant) < pause;
    if matches!(action, Enable | Restore) && recently(key.record.event.at, MIN_PAUSE) {
        let message = format!(
            "The key was updated recently: Please wait {} s after the last action",
            MIN_PAUSE.as_secs()
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
    if action == Rotate && key.rotated_at().is_some_and(|at| recently(at, ROTATION_INTERVAL)) {
        return Err(ApiError::conflict(
            "KEY_ROTATION_NOT_PERMITTED",
            "This root key has been rotated within the last hour: Only one 'rotate' action per hour is permitted",
        ));
    }
    Ok(next)
}

/// Checks that the key is a root key in one of the `allowed` states.
pub(super) fn check_usable(
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

/// Checks that `principal` may delete a key: its dual authorization policy and its registrations
/// must allow it.
pub(super) fn check_may_delete(
    key: &StoredKey,
    registrations: &[Registration],
    force: bool,
    principal: &Principal,
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
    let by_another = key.authorization(now).is_some_and(|authorization| authorization.by != principal.iam_id);
    if requires_dual_authorization(key) && !by_another {
        let message = "Number of authorizations required to delete is not met: another user must set the key for deletion first";
        return Err(ApiError::conflict("AUTHORIZATIONS_NOT_MET", message));
    }
    Ok(())
}

/// Checks that a key can be set or unset for deletion.
pub(super) fn check_can_be_set_for_deletion(key: &StoredKey, now: EpochMillis) -> Result<(), ApiError> {
    if !requires_dual_authorization(key) {
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

fn requires_dual_authorization(key: &StoredKey) -> bool {
    key.description.dual_auth_delete.as_ref().is_some_and(|policy| policy.enabled)
}

/// Checks that a key can be purged.
pub(super) fn check_can_be_purged(key: &StoredKey, now: EpochMillis) -> Result<(), ApiError> {
    let Some(deleted_at) = key.deleted_at() else {
        return Err(ApiError::conflict("KEY_ACTION_INVALID_STATE_ERR", "Only a deleted key can be purged"));
    };
    if now.since(deleted_at) < PURGE_DELAY {
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

#[cfg(test)]
mod tests {
    use keysync::domain::KeyState::{Active, Deactivated, Destroyed, Suspended};
    use serde_json::json;

    use super::*;

    const CREATED: EpochMillis = EpochMillis::new(1_800_000_000_000);

    fn key(state: KeyState, expiration_at: Option<EpochMillis>) -> StoredKey {
        let key = json!({
            "crn": "crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d",
            "key_type": "root", "state": state, "ring": "default", "event": {"action": "create", "at": CREATED},
            "version": {"id": "02fd6835-6001-4482-a892-13bd2085f75d", "created_at": CREATED},
            "name": "a key", "created_at": CREATED, "created_by": "IBMid-1", "expiration_at": expiration_at,
        });
        let record = serde_json::from_value(key.clone()).unwrap();
        StoredKey { record, description: serde_json::from_value(key).unwrap() }
    }

    #[test]
    fn each_state_allows_only_its_actions() {
        use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
        let (invalid, deleted) = (Err("KEY_ACTION_INVALID_STATE_ERR"), Err("KEY_DELETED_ERR"));
        for (action, expected) in [
            (Rotate, [Ok(Active), invalid, Ok(Deactivated), invalid]),
            (Enable, [invalid, Ok(Active), invalid, invalid]),
            (Disable, [Ok(Suspended), invalid, invalid, invalid]),
            (Delete, [Ok(Destroyed), Ok(Destroyed), Ok(Destroyed), deleted]),
            (Restore, [invalid, invalid, invalid, Ok(Active)]),
        ] {
            for (state, expected) in [Active, Suspended, Deactivated, Destroyed].into_iter().zip(expected) {
                let next = next_state(&key(state, None), action, CREATED.plus(MIN_PAUSE));
                assert_eq!(next.map_err(|error| error.code), expected, "{action:?} in {state:?}");
            }
        }
    }

    #[test]
    fn expired_key_becomes_deactivated() {
        use LifecycleAction::{Enable, Restore, Rotate};
        let now = CREATED.plus(MIN_PAUSE);
        for (action, state) in [(Enable, Suspended), (Restore, Destroyed), (Rotate, Active)] {
            assert_eq!(next_state(&key(state, Some(now)), action, now), Ok(Deactivated), "{action:?}");
            let later = Some(now.plus(Duration::from_millis(1)));
            assert_eq!(next_state(&key(state, later), action, now), Ok(Active), "{action:?}");
        }
    }

    #[test]
    fn waiting_times_end_at_exact_millisecond() {
        use LifecycleAction::{Enable, Restore};
        let just_before = |pause: Duration| CREATED.plus(pause.saturating_sub(Duration::from_millis(1)));
        for (action, state) in [(Enable, Suspended), (Restore, Destroyed)] {
            let early = next_state(&key(state, None), action, just_before(MIN_PAUSE)).unwrap_err();
            assert_eq!(early.code, "REQ_TOO_EARLY_ERR", "{action:?}");
        }
        assert_eq!(
            check_can_be_purged(&key(Destroyed, None), just_before(PURGE_DELAY)).unwrap_err().code,
            "REQ_TOO_EARLY_ERR"
        );
        assert_eq!(check_can_be_purged(&key(Destroyed, None), CREATED.plus(PURGE_DELAY)), Ok(()));
        let (within, after) =
            (just_before(Duration::from_hours(720)), CREATED.plus(Duration::from_hours(720)));
        assert_eq!(next_state(&key(Destroyed, None), Restore, within), Ok(Active));
        let late = next_state(&key(Destroyed, None), Restore, after).unwrap_err();
        assert_eq!(late.code, "KEY_RESTORE_EXPIRED");
    }
}
