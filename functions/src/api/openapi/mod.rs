//! The `OpenAPI` 3.1 document of the sync API, generated from the reason codes, the statuses and
//! the error document of this crate.

mod schemas;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ErrorResponse, JWKS_PATH, Operation, ReasonCode, response::error_document};

/// The path of the sync operation, as `OpenAPI` writes it.
const SYNC_PATH: &str = "/api/v2/keys/{id}/actions/sync";
/// The path of the status operation, as `OpenAPI` writes it.
const STATUS_PATH: &str = "/api/v2/keys/{id}/notifications";

/// The document, as `docs/reference/sync-api.openapi.json` holds it.
#[must_use]
pub fn openapi() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "keysync: synchronize associated resources",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Notifies every service with resources registered under a root key of the key's \
                            latest state. See docs/reference/sync-api.md.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{
            "url": "https://{host}",
            "variables": {"host": {
                "default": "us-south.kms.cloud.ibm.com",
                "description": "a host of the service, or the function URL",
            }},
        }],
        "paths": {
            SYNC_PATH: {"post": sync()},
            STATUS_PATH: {"get": status()},
            JWKS_PATH: {"get": jwks()},
        },
        "components": {
            "securitySchemes": {"iam": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "an IAM access token of a caller with the role Writer or Manager; to read, any role but KeyPurge",
            }},
            "headers": {"correlation-id": {
                "required": true,
                "description": "the request's correlation id, or a new one where it had none",
                "schema": {"type": "string"},
            }},
            "schemas": {
                "Error": schemas::error(),
                "JwkSet": schemas::jwk_set(),
                "NotificationStatus": schemas::notification_status(),
            },
        },
    })
}

fn sync() -> Value {
    let accepted = json!({
        "description": "Every associated service was notified, or its notification is recorded and retried. \
                        Also the response to a repeated request (same correlation id and caller, within 10 minutes).",
        "headers": headers(&[]),
    });
    json!({
        "operationId": "syncAssociatedResources",
        "summary": "Synchronize associated resources",
        "description": "Succeeds at most once per hour and key. A body is ignored up to 10,240 bytes.",
        "security": [{"iam": []}],
        "parameters": parameters("the id of a root key (UUID version 4) or one of its aliases"),
        "responses": responses("204", accepted, Operation::Sync, &ReasonCode::ALL),
    })
}

fn status() -> Value {
    let found = json!({
        "description": "the status at each service; none for a key that was never notified and has no registrations",
        "headers": headers(&[("cache-control", "`no-store`")]),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NotificationStatus"}}},
    });
    let only_of_sync = |code: &ReasonCode| matches!(code, ReasonCode::KeyRootReq | ReasonCode::ReqTooEarly);
    let codes: Vec<_> = ReasonCode::ALL.into_iter().filter(|code| !only_of_sync(code)).collect();
    json!({
        "operationId": "getNotificationStatus",
        "summary": "Status of a key's last notification, for each service",
        "description": "Reads only: it neither needs nor changes the window. HEAD returns the headers.",
        "security": [{"iam": []}],
        "parameters": parameters("the id of a key (UUID version 4) or one of its aliases"),
        "responses": responses("200", found, Operation::Status, &codes),
    })
}

/// The responses of an operation on a key: the one of success, and those of `codes` by status.
fn responses(success: &str, response: Value, operation: Operation, codes: &[ReasonCode]) -> Value {
    let mut responses = BTreeMap::from([(success.to_owned(), response)]);
    for code in codes {
        let status = code.status();
        let shared: Vec<_> = codes.iter().filter(|other| other.status() == status).copied().collect();
        responses.entry(status.as_str().to_owned()).or_insert_with(|| error_response(&shared, operation));
    }
    json!(responses)
}

/// The parameters of an operation on a key.
fn parameters(id: &str) -> Value {
    let correlation_id =
        json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-+\\--~]+$"});
    json!([
        parameter(
            "path",
            "id",
            true,
            id,
            &json!(
                {"type": "string", "minLength": 2, "maxLength": 90, "pattern": "^[A-Za-z0-9_-]+$"}
            )
        ),
        parameter(
            "header",
            "bluemix-instance",
            true,
            "the service instance that holds the key",
            &json!(
                {"type": "string", "format": "uuid"}
            )
        ),
        parameter(
            "header",
            "correlation-id",
            false,
            "identifies the request, and makes retries safe",
            &correlation_id
        ),
        parameter(
            "header",
            "x-correlation-id",
            false,
            "used where `correlation-id` is absent",
            &correlation_id
        ),
        parameter(
            "header",
            "x-kms-key-ring",
            false,
            "the key ring that the key must be in",
            &json!(
                {"type": "string", "minLength": 2, "maxLength": 100, "pattern": "^[A-Za-z0-9-]+$"}
            )
        ),
    ])
}

fn jwks() -> Value {
    json!({
        "operationId": "getPublicKeys",
        "summary": "Public keys that verify notifications",
        "security": [],
        "responses": {"200": {
            "description": "the JSON Web Key set (RFC 7517) of the Ed25519 keys that sign notifications",
            "headers": headers(&[("cache-control", "how long the keys may be cached")]),
            "content": {"application/jwk-set+json": {"schema": {"$ref": "#/components/schemas/JwkSet"}}},
        }},
    })
}

fn parameter(place: &str, name: &str, required: bool, description: &str, schema: &Value) -> Value {
    json!({"in": place, "name": name, "required": required, "description": description, "schema": schema})
}

fn headers(more: &[(&str, &str)]) -> Value {
    let mut headers = json!({"correlation-id": {"$ref": "#/components/headers/correlation-id"}});
    for (name, description) in more {
        headers[name] = json!({"required": true, "description": description, "schema": {"type": "string"}});
    }
    headers
}

/// The response of `operation` with a status that is shared by `codes`.
fn error_response(codes: &[ReasonCode], operation: Operation) -> Value {
    let causes: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.description())).collect();
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let mut more = Vec::new();
    if codes.iter().any(|code| code.is_temporary()) {
        more.push(("retry-after", "seconds until a retry can succeed"));
    }
    if codes.contains(&ReasonCode::Unauthorized) {
        more.push(("www-authenticate", "`Bearer`"));
    }
    if codes.contains(&ReasonCode::MethodNotAllowed) {
        more.push(("allow", "the methods of the path"));
    }
    let example = codes.first().map(|code| {
        let message = code.description().to_owned();
        error_document(&ErrorResponse { code: *code, message, retry_after: None }, operation)
    });
    let of_these = json!({"properties": {"resources": {"items": {"properties": {"reasons": {"items": {"properties": {
        "code": {"enum": names}
    }}}}}}}});
    json!({
        "description": causes.join("; "),
        "headers": headers(&more),
        "content": {"application/json": {
            "schema": {"allOf": [{"$ref": "#/components/schemas/Error"}, of_these]},
            "example": example,
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_code_is_under_its_status() {
        let document = openapi();
        for code in ReasonCode::ALL {
            let response = &document["paths"][SYNC_PATH]["post"]["responses"][code.status().as_str()];
            let schema = response["content"]["application/json"]["schema"].to_string();
            assert!(schema.contains(code.as_str()), "{}", code.as_str());
            assert_eq!(
                response["headers"]["retry-after"].is_object(),
                code.is_temporary(),
                "{}",
                code.as_str()
            );
        }
    }

    #[test]
    fn reference_copy_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/sync-api.openapi.json");
        let generated = format!("{:#}\n", openapi());
        if std::env::var_os("KEYSYNC_WRITE_OPENAPI").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let stored: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(
            stored,
            openapi(),
            "run `KEYSYNC_WRITE_OPENAPI=1 cargo test --workspace --lib reference_copy` to write it again"
        );
    }
}
