//! What is a request and what is not, one rule a test.

use http::HeaderValue;

use super::*;

const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";
const KEY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";
// {"alg":"RS256"} . {"sub":"a"} . signature
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";

/// A well-formed request; the tests break one thing.
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

fn parsed(request: &Request) -> Result<SyncRequest, BadRequest> {
    parse_sync_request(request, &correlation_id(request.headers()))
}

fn refused_for(request: &Request) -> BadRequest {
    parsed(request).expect_err("the request is not well formed")
}

fn field_refused(request: &Request) -> (&'static str, String) {
    match refused_for(request) {
        BadRequest::Field { field, problem, got } => {
            (field, format!("{problem}: got {}", got.unwrap_or_default()))
        }
        other => panic!("expected a refused field, got {other:?}"),
    }
}

#[test]
fn a_well_formed_request_parses() {
    let found = parsed(&request()).unwrap();
    assert_eq!(found.key, KEY.parse().unwrap());
    assert_eq!(found.instance.to_string(), INSTANCE);
    assert_eq!(found.ring, None);
}

#[test]
fn other_paths_are_unknown() {
    for path in [
        "/",
        "/api/v2/keys",
        "/api/v2/keys/a/b/actions/sync",
        "/api/v1/keys/a/actions/sync",
        "/api/v2/keys/a/actions/sync/",
    ] {
        assert_eq!(refused_for(&at(path)), BadRequest::UnknownPath, "{path}");
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let mut request = request();
    *request.method_mut() = Method::GET;
    assert_eq!(refused_for(&request), BadRequest::MethodNotAllowed);
}

#[test]
fn a_body_is_ignored_up_to_10_kb() {
    let mut request = request();
    *request.body_mut() = "x".repeat(MAX_BODY_BYTES).into();
    assert!(parsed(&request).is_ok());
    *request.body_mut() = "x".repeat(MAX_BODY_BYTES + 1).into();
    assert_eq!(refused_for(&request), BadRequest::BodyTooLarge { bytes: 10_241 });
}

#[test]
fn no_token_and_no_subject_are_told_apart() {
    let mut request = request();
    set(&mut request, "authorization", "");
    assert_eq!(refused_for(&request), BadRequest::NoToken);
    request.headers_mut().remove("authorization");
    assert_eq!(refused_for(&request), BadRequest::NoToken);
    for value in ["Basic dXNlcjpwYXNz", "Bearer", "Bearer not.a.jwt", TOKEN] {
        set(&mut request, "authorization", value);
        assert_eq!(refused_for(&request), BadRequest::NoSubject(NoSubject), "{value}");
    }
    set(&mut request, "authorization", &format!("bEaReR {TOKEN}"));
    assert!(parsed(&request).is_ok());
}

#[test]
fn fields_are_refused_by_name_with_the_value() {
    for (name, value) in [
        ("bluemix-instance", "my-instance"),
        ("x-kms-key-ring", "a_b"),
        ("correlation-id", "a b"),
        ("x-correlation-id", "a b"),
    ] {
        let mut request = request();
        set(&mut request, name, value);
        let (field, problem) = field_refused(&request);
        assert_eq!(field, name);
        assert!(problem.contains(&format!("got `{value}`")), "{problem}");
    }
    let mut request = request();
    request.headers_mut().remove("bluemix-instance");
    assert_eq!(field_refused(&request).0, "bluemix-instance");
}

#[test]
fn x_correlation_id_stands_in_for_correlation_id() {
    let mut request = request();
    set(&mut request, "x-correlation-id", "x-1");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "x-1");
    set(&mut request, "correlation-id", "c-1");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "c-1");
    // The one that does not count may say what it likes, and takes no other's place.
    set(&mut request, "x-correlation-id", "a b");
    assert_eq!(parsed(&request).unwrap().correlation_id.to_string(), "c-1");
    set(&mut request, "x-correlation-id", "x-1");
    set(&mut request, "correlation-id", "");
    assert_eq!(field_refused(&request).0, "correlation-id");
    assert_ne!(correlation_id(request.headers()).to_string(), "x-1");
}

#[test]
fn missing_correlation_ids_are_made_up_each_time() {
    let request = request();
    let made = [(); 2].map(|()| correlation_id(request.headers()).to_string());
    assert!(made.iter().all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
    assert_ne!(made[0], made[1]);
}

#[test]
fn a_long_value_is_not_repeated_whole() {
    let mut request = request();
    set(&mut request, "bluemix-instance", &"x".repeat(5000));
    assert!(field_refused(&request).1.len() < 200);
}

#[test]
fn a_header_given_twice_must_say_the_same() {
    let mut request = request();
    set(&mut request, "bluemix-instance", &format!("{INSTANCE},{INSTANCE}"));
    assert!(parsed(&request).is_ok());
    request.headers_mut().append("bluemix-instance", HeaderValue::from_static(KEY));
    assert_eq!(field_refused(&request).0, "bluemix-instance");
}

#[test]
fn two_tokens_are_refused_without_repeating_them() {
    let mut request = request();
    set(&mut request, "authorization", &format!("Bearer {TOKEN},Bearer other"));
    let (field, problem) = field_refused(&request);
    assert_eq!(field, "authorization");
    assert!(!problem.contains("eyJ"));
}

#[test]
fn a_host_that_names_an_instance_must_name_this_one() {
    for host in [
        format!("{INSTANCE}.api.us-south.hs-crypto.appdomain.cloud"),
        format!("{INSTANCE}.api.us-south.hs-crypto.localhost:8080"),
        format!("{KEY}.apis.us-south.hs-crypto.appdomain.cloud"), // names none
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
        assert_eq!(field_refused(&request).0, "bluemix-instance", "{host}");
    }
}
