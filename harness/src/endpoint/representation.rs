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
    let StoredKey { record, description } = key;
    let deleted = record.state == KeyState::Destroyed;
    let mut json = json!({
        "type": "application/vnd.ibm.kms.key+json",
        "id": record.crn.key,
        "name": description.name,
        "description": description.text.clone().unwrap_or_default(),
        "state": record.state,
        "extractable": record.key_type == KeyType::Standard,
        "crn": record.crn,
        "imported": false,
        "creationDate": date(description.created_at),
        "createdBy": description.created_by,
        "algorithmType": "AES",
        "algorithmBitSize": 256,
        "lastUpdateDate": date(record.event.at),
        "keyVersion": version(&record.version),
        "keyRingID": record.ring,
        "dualAuthDelete": {"enabled": false},
        "deleted": deleted,
    });
    if let Some(rotated_at) = key.rotated_at() {
        json["lastRotateDate"] = json!(date(rotated_at));
    }
    if deleted {
        json["deletionDate"] = json!(date(record.event.at));
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
