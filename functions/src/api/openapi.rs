//! The `OpenAPI` 3.1 document of the sync API, generated from the reason codes and the error
//! document of this module.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ErrorResponse, JWKS_PATH, ReasonCode,
    response::{MORE_INFO, error_document},
};

/// The path of the sync operation, as `OpenAPI` writes it.
const SYNC_PATH: &str = "/api/v2/keys/{id}/actions/sync";

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
            JWKS_PATH: {"get": jwks()},
        },
        "components": {
            "securitySchemes": {"iam": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "an IAM access token of a caller with the role Writer or Manager",
            }},
            "headers": {"correlation-id": {
                "required": true,
                "description": "the request's correlation id, or a new one where it had none",
                "schema": {"type": "string"},
            }},
            "schemas": {"Error": error_schema(), "JwkSet": jwk_set_schema()},
        },
    })
}

fn sync() -> Value {
    let mut responses = BTreeMap::from([(
        "204".to_owned(),
        json!({
            "description": "Every associated service was notified, or its notification is recorded and retried. \
                            Also the response to a repeated request (same correlation id and caller, within 10 minutes).",
            "headers": headers(&[]),
        }),
    )]);
    for code in ReasonCode::ALL {
        let status = code.status().as_str().to_owned();
        let codes: Vec<_> =
            ReasonCode::ALL.into_iter().filter(|other| other.status() == code.status()).collect();
        responses.entry(status).or_insert_with(|| error_response(&codes));
    }
    json!({
        "operationId": "syncAssociatedResources",
        "summary": "Synchronize associated resources",
        "description": "Succeeds at most once per hour and key. A body is ignored up to 10,240 bytes.",
        "security": [{"iam": []}],
        "parameters": [
            parameter("path", "id", true, "the id of a root key (UUID version 4) or one of its aliases", &json!(
                {"type": "string", "minLength": 2, "maxLength": 90, "pattern": "^[A-Za-z0-9_-]+$"}
            )),
            parameter("header", "bluemix-instance", true, "the service instance that holds the key", &json!(
                {"type": "string", "format": "uuid"}
            )),
            parameter("header", "correlation-id", false, "identifies the request, and makes retries safe", &json!(
                {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-+\\--~]+$"}
            )),
            parameter("header", "x-correlation-id", false, "used where `correlation-id` is absent", &json!(
                {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-+\\--~]+$"}
            )),
            parameter("header", "x-kms-key-ring", false, "the key ring that the key must be in", &json!(
                {"type": "string", "minLength": 2, "maxLength": 100, "pattern": "^[A-Za-z0-9-]+$"}
            )),
        ],
        "responses": responses,
    })
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

/// The response with a status that is shared by `codes`.
fn error_response(codes: &[ReasonCode]) -> Value {
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
        error_document(&ErrorResponse {
            code: *code,
            message: code.description().to_owned(),
            retry_after: None,
        })
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

/// The error document: one resource with one reason.
fn error_schema() -> Value {
    let codes = ReasonCode::ALL.map(ReasonCode::as_str);
    let object = |properties: Value| {
        let names: Vec<_> =
            properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        json!({"type": "object", "required": names, "properties": properties})
    };
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

fn jwk_set_schema() -> Value {
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
