//! One test per rule of a well-formed request.

use http::{HeaderValue, Method};

use super::*;

const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
// {"alg":"RS256"} . {"sub":"a"} . signature
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";

/// A well-formed request, of which the tests invalidate one part.
fn request() -> Request {
    let mut request = at(&format!("/api/v2/keys/{KEY}/actions/sync"));
    *request.method_mut() = Method::POST;
    set(&mut request, "authorization", &format!("Bearer {TOKEN}"));
    set(&mut request, "bluemix-instance", INSTANCE);
    request
}

fn at(path: &str) -> Request {
    Request::default().with_raw_http_path(path)
}

fn set(request: &mut Request, name: &'static str, value: &str) {
    request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
}

fn parsed(request: &Request) -> Result<KeyRequest, BadRequest> {
    parse_key_request(request, Operation::Sync, &correlation_id(request.headers()))
}

fn rejection(request: &Request) -> BadRequest {
    parsed(request).expect_err("a malformed request")
}

fn rejected_field(request: &Request) -> (&'static str, String) {
    match rejection(request) {
        BadRequest::Field { field, problem, got } => {
            (field, format!("{problem}: got {}", got.unwrap_or_default()))
        }
        other => panic!("expected an invalid field, got {other:?}"),
    }
}

#[test]
fn parses_well_formed_request() {
    let request = parsed(&request()).unwrap();
    assert_eq!(request.key, KEY.parse().unwrap());
    assert_eq!(request.instance.to_string(), INSTANCE);
    assert_eq!(request.ring, None);
}

#[test]
fn rejects_other_paths() {
    for path in [
        "/",
        "/api/v2/keys",
        "/api/v2/keys/a/b/actions/sync",
        "/api/v1/keys/a/actions/sync",
        "/api/v2/keys/a/actions/sync/",
    ] {
        assert_eq!(rejection(&at(path)), BadRequest::UnknownPath, "{path}");
    }
}

#[test]
fn rejects_other_methods() {
    let mut request = request();
    *request.method_mut() = Method::GET;
    assert_eq!(rejection(&request), BadRequest::MethodNotAllowed(Operation::Sync));
}

#[test]
fn ignores_body_up_to_10_kb() {
    let mut request = request();
    *request.body_mut() = "x".repeat(MAX_BODY_BYTES).into();
    assert!(parsed(&request).is_ok());
    *request.body_mut() = "x".repeat(MAX_BODY_BYTES + 1).into();
    assert_eq!(rejection(&request), BadRequest::BodyTooLarge { bytes: 10_241 });
}

#[test]
fn distinguishes_missing_token_from_missing_subject() {
    let mut request = request();
    set(&mut request, "authorization", "");
    assert_eq!(rejection(&request), BadRequest::NoToken);
    request.headers_mut().remove("authorization");
    assert_eq!(rejection(&request), BadRequest::NoToken);
    for value in ["Basic dXNlcjpwYXNz", "Bearer", "Bearer not.a.jwt", TOKEN] {
        set(&mut request, "authorization", value);
        assert_eq!(rejection(&request), BadRequest::NoSubject(NoSubject), "{value}");
    }
    set(&mut request, "authorization", &format!("bEaReR {TOKEN}"));
    assert!(parsed(&request).is_ok());
}

#[test]
fn rejects_invalid_fields_with_name_and_value() {
    for (name, value) in [
        ("bluemix-instance", "my-instance"),
        ("x-kms-key-ring", "a_b"),
        ("correlation-id", "a b"),
        ("x-correlation-id", "a b"),
    ] {
        let mut request = request();
        set(&mut request, name, value);
        let (field, problem) = rejected_field(&request);
        assert_eq!(field, name);
        assert!(problem.contains(&format!("got `{value}`")), "{problem}");
    }
    let mut request = request();
    request.headers_mut().remove("bluemix-instance");
    assert_eq!(rejected_field(&request).0, "bluemix-instance");
}

#[test]
fn x_correlation_id_replaces_absent_correlation_id() {
    let mut request = request();
    set(&mut request, "x-correlation-id", "x-1");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "x-1");
    set(&mut request, "correlation-id", "c-1");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "c-1");
    // The header that does not count may be invalid, and does not replace an invalid
    // `correlation-id`.
    set(&mut request, "x-correlation-id", "a b");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "c-1");
    set(&mut request, "x-correlation-id", "x-1");
    set(&mut request, "correlation-id", "");
    assert_eq!(rejected_field(&request).0, "correlation-id");
    assert_ne!(correlation_id(request.headers()).to_string(), "x-1");
}

#[test]
fn missing_correlation_id_becomes_new_uuid() {
    let request = request();
    let generated = [(); 2].map(|()| correlation_id(request.headers()).to_string());
    assert!(generated.iter().all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
    assert_ne!(generated[0], generated[1]);
}

#[test]
fn long_value_is_cut_in_message() {
    let mut request = request();
    set(&mut request, "bluemix-instance", &"x".repeat(5000));
    assert!(rejected_field(&request).1.len() < 200);
}

#[test]
fn repeated_header_must_have_one_value() {
    let mut request = request();
    set(&mut request, "bluemix-instance", &format!("{INSTANCE},{INSTANCE}"));
    assert!(parsed(&request).is_ok());
    request.headers_mut().append("bluemix-instance", HeaderValue::from_static(KEY));
    assert_eq!(rejected_field(&request).0, "bluemix-instance");
}

#[test]
fn rejects_two_tokens_without_echoing_them() {
    let mut request = request();
    set(&mut request, "authorization", &format!("Bearer {TOKEN},Bearer other"));
    let (field, problem) = rejected_field(&request);
    assert_eq!(field, "authorization");
    assert!(!problem.contains("eyJ"));
}

#[test]
fn host_must_name_same_instance() {
    for host in [
        format!("{INSTANCE}.api.us-south.hs-crypto.appdomain.cloud"),
        format!("{INSTANCE}.api.us-south.hs-crypto.localhost:8080"),
        format!("{KEY}.apis.us-south.hs-crypto.appdomain.cloud"), // names no instance
        "us-south.kms.cloud.ibm.com".to_owned(),
        "abc.lambda-url.us-east-1.on.aws".to_owned(),
    ] {
        let mut request = request();
        set(&mut request, "host", &host);
        assert!(parsed(&request).is_ok(), "{host}");
    }
    let other = format!("{KEY}.api.us-south.hs-crypto.appdomain.cloud");
    for host in [other.clone(), format!("{other}.attacker.example")] {
        let mut request = request();
        set(&mut request, "host", &host);
        assert_eq!(rejected_field(&request).0, "bluemix-instance", "{host}");
    }
}
