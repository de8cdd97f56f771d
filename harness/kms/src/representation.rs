//! JSON representations of keys, registrations, policies and events.

use axum::Json;
use keysync::domain::{EpochMillis, KeyVersion, window};
use serde_json::{Value, json};

use super::{
    rules,
    store::{KeyEvent, KeyPolicy, Registration, StoredKey},
};

/// Time from deletion to the automatic purge of a key. The emulator reports it, but does not purge.
const AUTOMATIC_PURGE_AFTER: std::time::Duration = std::time::Duration::from_hours(90 * 24);

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

/// A page of a list, with the number of all elements if the caller requested it.
pub(super) fn page(kind: &str, resources: &[Value], total: Option<usize>) -> Json<Value> {
    let Json(mut page) = collection(kind, resources);
    if let Some(total) = total {
        page["metadata"]["totalCount"] = json!(total);
    }
    Json(page)
}

/// A key in its state at `now`, without its material.
pub(super) fn key(key: &StoredKey, now: EpochMillis) -> Value {
    let StoredKey { record, description } = key;
    let mut json = json!({
        "type": "application/vnd.ibm.kms.key+json",
        "id": record.crn.key,
        "aliases": description.aliases,
        "description": description.text.clone().unwrap_or_default(),
        "state": key.state(now),
        "extractable": !key.is_root(),
        "crn": record.crn,
        "imported": description.imported,
        "creationDate": date(key.created_at()),
        "algorithmType": "Deprecated",
        "algorithmMetadata": {"bitLength": "256", "mode": "Deprecated"},
        "algorithmBitSize": 256,
        "algorithmMode": "Deprecated",
        "lastUpdateDate": date(key.updated_at()),
        "keyVersion": version(&record.version),
        "keyRingID": record.ring,
        "dualAuthDelete": dual_auth(key, now),
        "deleted": key.deleted_at().is_some(),
    });
    let dates = [
        ("expirationDate", description.expiration_at),
        ("lastRotateDate", key.rotated_at()),
        ("deletionDate", key.deleted_at()),
        ("restoreExpirationDate", key.restorable_until()),
        ("purgeAllowedFrom", key.deleted_at().map(|at| at.plus(rules::PURGE_DELAY))),
        ("purgeScheduledOn", key.deleted_at().map(|at| at.plus(AUTOMATIC_PURGE_AFTER))),
    ];
    for (name, at) in dates {
        if let Some(at) = at {
            json[name] = json!(date(at));
        }
    }
    for (name, text) in [("name", &description.name), ("createdBy", &description.created_by)] {
        if let Some(text) = text {
            json[name] = json!(text);
        }
    }
    if !description.tags.is_empty() {
        json["tags"] = json!(description.tags);
    }
    if let Some(policy) = &description.rotation {
        json["rotation"] = rotation(policy);
    }
    if let Some(at) = record.notified_at.filter(|_| key.is_root()) {
        json["lastNotificationDate"] = json!(at.to_string());
        json["syncAllowedFrom"] = json!(window::opens_at(at).ceil_to_second().whole_seconds().to_string());
    }
    if let Some(until) = key.restorable_until() {
        json["restoreAllowed"] = json!(now < until);
        json["purgeAllowed"] = json!(rules::check_can_be_purged(key, now).is_ok());
        json["deletedBy"] = json!(description.deleted_by.clone().unwrap_or_default());
    }
    json
}

fn dual_auth(key: &StoredKey, now: EpochMillis) -> Value {
    if !key.description.dual_auth_delete.as_ref().is_some_and(|policy| policy.enabled) {
        return json!({"enabled": false});
    }
    match key.authorization(now) {
        None => json!({"enabled": true, "keySetForDeletion": false}),
        Some(authorization) => json!({
            "enabled": true,
            "keySetForDeletion": true,
            "authExpiration": date(authorization.valid_until),
        }),
    }
}

/// A rotation policy, in the form that keys and policies share.
pub(super) fn rotation(policy: &KeyPolicy) -> Value {
    let mut json = json!({"enabled": policy.enabled});
    if let Some(months) = policy.interval_month {
        json["interval_month"] = json!(months);
    }
    json
}

/// A registration.
pub(super) fn registration(registration: &Registration, key_name: Option<&str>) -> Value {
    let mut json = json!({
        "keyId": registration.key_id,
        "resourceCrn": registration.resource_crn,
        "creationDate": date(registration.created_at),
        "lastUpdated": date(registration.updated_at),
        "description": registration.description,
        "preventKeyDeletion": registration.prevent_key_deletion,
    });
    let (created_by, updated_by) = (registration.created_by.as_deref(), registration.updated_by.as_deref());
    for (name, text) in [("createdBy", created_by), ("updatedBy", updated_by), ("keyName", key_name)] {
        if let Some(text) = text {
            json[name] = json!(text);
        }
    }
    if let Some(protecting) = &registration.key_version {
        json["keyVersion"] = version(protecting);
    }
    json
}

/// An event of a key.
pub(super) fn event(event: &KeyEvent) -> Value {
    let mut json = json!({"eventType": event.action, "occurredAt": event.at.to_string()});
    if let Some(by) = &event.by {
        json["initiator"] = json!(by);
    }
    if let Some(sequence) = event.sequence {
        json["sequence"] = json!(sequence);
    }
    json
}

fn version(version: &KeyVersion) -> Value {
    json!({"id": version.id, "creationDate": date(version.created_at)})
}

/// A date with a resolution of one second, as in the documented API.
pub(super) fn date(instant: EpochMillis) -> String {
    instant.whole_seconds().to_string()
}
