//! What the ledger stores of a key, from its representation in the API.

use jiff::Timestamp;
use keysync::domain::{
    EpochMillis, KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, LifecycleEvent,
};

use crate::endpoint::KeyRow;

/// The description of a key and its latest lifecycle action.
///
/// The instant of the action is never later than the real one: the event of the real action, if it
/// is still to be processed, then counts as newer and notifies the services. The API has no instant
/// for the actions `disable`, `enable` and `restore`, so that of the rotation or creation before
/// them takes its place.
pub(super) fn of(row: &KeyRow) -> Result<(KeyFacts, LifecycleEvent), String> {
    let state = KeyState::try_from(row.state).map_err(|error| format!("state {error}"))?;
    let created_at = epoch_millis(row.creation_date)?;
    let rotated_at = row.last_rotate_date.map(epoch_millis).transpose()?;
    let deleted_at = row.deletion_date.map(epoch_millis).transpose()?;
    let earliest = rotated_at.unwrap_or(created_at);
    let event = match state {
        KeyState::Destroyed => {
            LifecycleEvent { action: LifecycleAction::Delete, at: deleted_at.unwrap_or(earliest) }
        }
        KeyState::Suspended => LifecycleEvent { action: LifecycleAction::Disable, at: earliest },
        KeyState::Active | KeyState::Deactivated => {
            let action = if rotated_at.is_some() { LifecycleAction::Rotate } else { LifecycleAction::Create };
            LifecycleEvent { action, at: earliest }
        }
    };
    let version = match &row.key_version {
        Some(version) => KeyVersion {
            id: version.id.clone(),
            created_at: version.creation_date.map_or(Ok(earliest), epoch_millis)?,
        },
        // A key without versions of its own, such as a standard key.
        None => KeyVersion { id: row.id.to_string(), created_at },
    };
    let key_type = if row.extractable { KeyType::Standard } else { KeyType::Root };
    Ok((KeyFacts { crn: row.crn.clone(), key_type, state, ring: row.ring.clone(), version }, event))
}

/// An instant of the API in epoch milliseconds.
pub(super) fn epoch_millis(at: Timestamp) -> Result<EpochMillis, String> {
    let millis = u64::try_from(at.as_millisecond());
    millis.map(EpochMillis::new).map_err(|_| format!("an instant must be since 1970: got `{at}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CREATED: &str = "2026-01-01T00:00:00.000Z";
    const ROTATED: &str = "2026-02-01T00:00:00.000Z";
    const DELETED: &str = "2026-03-01T00:00:00.000Z";

    fn imported(change: &Value) -> Result<(String, u8, String), String> {
        let mut row = json!({
            "id": "02fd6835-6001-4482-a892-13bd2085f75d",
            "crn": "crn:v1:bluemix:public:kms:us-south:a/abc:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d",
            "state": 1, "extractable": false, "creationDate": CREATED,
        });
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (facts, event) = of(&serde_json::from_value(row).unwrap())?;
        Ok((event.action.as_str().to_owned(), facts.state.into(), event.at.to_string()))
    }

    #[test]
    fn action_follows_from_state_and_dates() {
        let is = |action: &str, state, at: &str| Ok((action.to_owned(), state, at.to_owned()));
        assert_eq!(imported(&json!({})), is("create", 1, CREATED));
        assert_eq!(imported(&json!({"lastRotateDate": ROTATED})), is("rotate", 1, ROTATED));
        assert_eq!(imported(&json!({"state": 3})), is("create", 3, CREATED));
        assert_eq!(imported(&json!({"state": 2, "lastRotateDate": ROTATED})), is("disable", 2, ROTATED));
        assert_eq!(imported(&json!({"state": 5, "deletionDate": DELETED})), is("delete", 5, DELETED));
        assert_eq!(imported(&json!({"state": 5})), is("delete", 5, CREATED));
        assert!(imported(&json!({"state": 0})).is_err() && imported(&json!({"state": 4})).is_err());
    }
}
