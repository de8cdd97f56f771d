//! The schemas of the document.

use serde_json::{Value, json};

use crate::{
    api::{ReasonCode, response::MORE_INFO, status::COLLECTION},
    ledger::Status,
};

/// An object whose properties are all required. Their names are sorted: the order of a JSON map
/// depends on a feature that other packages turn on.
#[expect(clippy::needless_pass_by_value, reason = "callers pass temporaries")]
fn object(properties: Value) -> Value {
    let mut names: Vec<_> =
        properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    json!({"type": "object", "required": names, "properties": properties})
}

/// The error document: one resource with one reason.
pub(super) fn error() -> Value {
    let codes = ReasonCode::ALL.map(ReasonCode::as_str);
    let one = |items: Value| json!({"type": "array", "minItems": 1, "maxItems": 1, "items": items});
    let reason = object(json!({
        "code": {"type": "string", "enum": codes},
        "message": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "moreInfo": {"type": "string", "format": "uri", "const": MORE_INFO},
    }));
    object(json!({
        "metadata": object(json!({
            "collectionType": {"const": "application/vnd.ibm.kms.error+json"},
            "collectionTotal": {"const": 1},
        })),
        "resources": one(object(json!({"errorMsg": {"type": "string"}, "reasons": one(reason)}))),
    }))
}

/// The JSON Web Key set.
pub(super) fn jwk_set() -> Value {
    json!({
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "minItems": 1, "maxItems": 2, "items": {
            "type": "object",
            "required": ["kty", "crv", "x", "kid", "use"],
            "properties": {
                "kty": {"const": "OKP"}, "crv": {"const": "Ed25519"}, "x": {"type": "string"},
                "kid": {"type": "string"}, "use": {"const": "sig"}, "whpk": {"type": "string"},
            },
        }}},
    })
}

/// The collection of a key's last notification: one resource for each service.
pub(super) fn notification_status() -> Value {
    let instant = |description: &str| {
        json!({"type": "string", "format": "date-time", "description": description,
               "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"})
    };
    let string = |description: &str| json!({"type": "string", "description": description});
    let resource = json!({
        "type": "object",
        "required": ["service", "status", "sequence", "eventType"],
        "properties": {
            "service": string("the CRN service name"),
            "status": {"type": "string", "enum": Status::ALL.map(Status::as_str)},
            "sequence": {"type": "integer", "minimum": 0, "description": "the number among the key's notifications"},
            "eventType": {
                "enum": ["create", "rotate", "delete", "restore", "enable", "disable"],
                "description": "the key's latest lifecycle action",
            },
            "eventId": string("the id of the event that was sent"),
            "attempts": {"type": "integer", "minimum": 0, "description": "delivery attempts so far"},
            "lastAttempt": instant("the last attempt"),
            "nextAttempt": instant("the next attempt, if one is scheduled"),
            "reason": string("why the last attempt failed"),
            "paused": {"const": true, "description": "the operator has paused the service: it is called later"},
            "deadline": instant("until when the service must acknowledge, if it must"),
            "acknowledgedAt": instant("when the service acted, as it reports"),
            "adopterKeyState": string("the key's state at the service, as it reports"),
        },
    });
    object(json!({
        "metadata": object(json!({
            "collectionType": {"const": COLLECTION},
            "collectionTotal": {"type": "integer", "minimum": 0},
        })),
        "resources": {"type": "array", "items": resource},
    }))
}
