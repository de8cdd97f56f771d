//! Keys and registrations as the public clients parse them.

use axum::Json;
use keysync::key::{EpochMillis, KeyState, KeyType, KeyVersion};
use serde_json::{Value, json};

use super::store::{Registration, StoredKey};

/// A collection of resources of a `kind`, such as `key`.
pub(super) fn collection(kind: &str, resources: &[Value]) -> Json<Value> {
    Json(json!({
        "metadata": {
            "collectionType": format!("application/vnd.ibm.kms.{kind}+json"),
            "collectionTotal": resources.len(),
        },
        "resources": resources,
    }))
}

/// A key, without its material: this endpoint holds none.
pub(super) fn key(key: &StoredKey) -> Value {
    let deleted = key.state == KeyState::Destroyed;
    let mut json = json!({
        "type": "application/vnd.ibm.kms.key+json",
        "id": key.crn.key,
        "name": key.name,
        "description": key.description.clone().unwrap_or_default(),
        "state": key.state,
        "extractable": key.key_type == KeyType::Standard,
        "crn": key.crn,
        "imported": false,
        "creationDate": date(key.created_at),
        "createdBy": key.created_by,
        "algorithmType": "AES",
        "algorithmBitSize": 256,
        "lastUpdateDate": date(key.event.at),
        "keyVersion": version(&key.version),
        "keyRingID": key.ring,
        "dualAuthDelete": {"enabled": false},
        "deleted": deleted,
    });
    if let Some(rotated_at) = key.rotated_at() {
        json["lastRotateDate"] = json!(date(rotated_at));
    }
    if deleted {
        json["deletionDate"] = json!(date(key.event.at));
    }
    json
}

/// A registration, by contract section 4.
pub(super) fn registration(registration: &Registration) -> Value {
    json!({
        "keyId": registration.key_id,
        "resourceCrn": registration.resource_crn,
        "createdBy": registration.created_by,
        "creationDate": date(registration.created_at),
        "updatedBy": registration.created_by,
        "lastUpdated": date(registration.created_at),
        "description": registration.description,
        "preventKeyDeletion": registration.prevent_key_deletion,
        "keyVersion": version(&registration.key_version),
    })
}

fn version(version: &KeyVersion) -> Value {
    json!({"id": version.id, "creationDate": date(version.created_at)})
}

/// Whole seconds, as the service writes dates.
fn date(instant: EpochMillis) -> String {
    EpochMillis::new(instant.secs() * 1000).to_string()
}
