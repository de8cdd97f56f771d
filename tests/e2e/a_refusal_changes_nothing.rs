//! G6: every refusal of contract section 1, with its full document, and that it wrote nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use keysync_testkit::{
    Client, Response,
    dynamodb::{Fault, Times},
};

use crate::support::{World, document, world};

const UNAUTHORIZED: &str = "The token is not valid, or its subject may not synchronize keys of this instance: \
     the role Writer or Manager is needed";
const NO_SUBJECT: &str =
    "no subject can be read from the `authorization` header; send `Bearer <IAM access token>`";
const OTHER_UUID: &str = "02fd6835-6001-4482-a892-13bd2085f75d";

/// What a request should be answered.
struct Refused<'a> {
    status: u16,
    title: &'a str,
    code: &'a str,
    message: &'a str,
}

impl World {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.manager.request(method, path)
    }

    fn sync_path(&self) -> String {
        format!("/api/v2/keys/{}/actions/sync", self.key)
    }

    fn sync_request(&self) -> reqwest::RequestBuilder {
        self.request(Method::POST, &self.sync_path())
    }

    /// A request to the endpoint without any header.
    fn bare(&self) -> reqwest::RequestBuilder {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.post(format!("{}{}", self.harness.endpoint_url(), self.sync_path()))
    }

    async fn refuses(&self, request: reqwest::RequestBuilder, expected: Refused<'_>) -> Response {
        let before = self.everything().await;
        let request = request.header("correlation-id", "c-42");
        let answer = self.manager.send(request).await.unwrap();
        let Refused { status, title, code, message } = expected;
        assert_eq!(answer.body, document(title, status, code, message));
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("correlation-id"), "c-42");
        let authenticate = if status == 401 { "Bearer" } else { "" };
        assert_eq!(answer.header("www-authenticate"), authenticate);
        assert_eq!(self.everything().await, before, "a refusal writes nothing");
        answer
    }

    async fn refuses_field(&self, request: reqwest::RequestBuilder, message: &str) {
        self.refuses(
            request,
            Refused { status: 400, title: "Bad Request", code: "INVALID_FIELD_ERR", message },
        )
        .await;
    }
}

#[tokio::test]
async fn no_subject_400() {
    let world = world().await;
    for authorization in ["Basic dXNlcjpwYXNz", "Bearer x", "Bearer a.b.c"] {
        let request = world.bare().header("authorization", authorization);
        let expected = Refused {
            status: 400,
            title: "Bad Request",
            code: "BEARER_SUB_EXTRACTION_ERR",
            message: NO_SUBJECT,
        };
        world.refuses(request, expected).await;
    }
}

#[tokio::test]
async fn malformed_fields_400() {
    let world = world().await;
    let bearer = || world.bare().bearer_auth(world.manager.token());
    world
        .refuses_field(bearer(), "`bluemix-instance` is missing; send the UUID of the service instance")
        .await;
    let request = bearer().header("bluemix-instance", "my-instance");
    world.refuses_field(request, "`bluemix-instance` must be a UUID: got `my-instance`").await;
    let request = world.sync_request().header("bluemix-instance", OTHER_UUID);
    let message = "`bluemix-instance` is given more than once with different values; send it once";
    world.refuses_field(request, message).await;
    let request = world.sync_request().header("x-kms-key-ring", "a_ring");
    let message = "`x-kms-key-ring` must be a key ring: 2 to 100 letters, digits or `-`: got `a_ring`";
    world.refuses_field(request, message).await;
    let request = world.request(Method::POST, "/api/v2/keys/no%20key/actions/sync");
    let message = "`id` must be a key's identifier (a version 4 UUID) or alias \
                   (2 to 90 letters, digits, `_` or `-`, and not a UUID): got `no%20key`";
    world.refuses_field(request, message).await;
    let host = format!("{OTHER_UUID}.api.us-south.hs-crypto.appdomain.cloud");
    let message = format!(
        "`bluemix-instance` must name the instance of the host: got `{}`, and the host names `{OTHER_UUID}`",
        world.harness.instance()
    );
    world.refuses_field(world.sync_request().header("host", host), &message).await;
}

#[tokio::test]
async fn a_malformed_correlation_id_400_is_answered_under_another() {
    let world = world().await;
    for name in ["correlation-id", "x-correlation-id"] {
        let answer = world.manager.send(world.sync_request().header(name, "two words")).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "INVALID_FIELD_ERR"));
        assert!(answer.message().starts_with(&format!("`{name}` must be 1 to 128 visible ASCII characters")));
        assert!(uuid::Uuid::try_parse(answer.header("correlation-id")).is_ok());
    }
}

#[tokio::test]
async fn a_standard_key_400() {
    let world = world().await;
    let (_, standard) = world.harness.sample_keys().await.unwrap();
    let request = world.request(Method::POST, &format!("/api/v2/keys/{standard}/actions/sync"));
    let message = "The key is a standard key: only root keys have associated resources";
    let expected = Refused { status: 400, title: "Bad Request", code: "KEY_ROOT_REQ_ERR", message };
    world.refuses(request, expected).await;
}

#[tokio::test]
async fn no_token_401() {
    let world = world().await;
    let message = "the `authorization` header is missing; send `Bearer <IAM access token>`";
    let expected = Refused { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message };
    world.refuses(world.bare(), expected).await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_401() {
    let world = world().await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let token = world.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    let request =
        world.bare().bearer_auth(token).header("bluemix-instance", world.harness.instance().to_string());
    let expected =
        Refused { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message: UNAUTHORIZED };
    world.refuses(request, expected).await;
}

#[tokio::test]
async fn an_authentic_caller_without_the_role_401_whether_the_key_exists_or_not() {
    let world = world().await;
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    for key in [world.key.as_str(), OTHER_UUID, "an-alias"] {
        let request = reader.request(Method::POST, &format!("/api/v2/keys/{key}/actions/sync"));
        let expected =
            Refused { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message: UNAUTHORIZED };
        world.refuses(request, expected).await;
    }
}

#[tokio::test]
async fn an_instance_that_is_not_the_callers_401() {
    let world = world().await;
    let request = world.bare().bearer_auth(world.manager.token()).header("bluemix-instance", OTHER_UUID);
    let expected =
        Refused { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message: UNAUTHORIZED };
    world.refuses(request, expected).await;
}

#[tokio::test]
async fn no_such_key_404() {
    let world = world().await;
    let message = "Key does not exist in this instance or key ring";
    let expected = || Refused { status: 404, title: "Not Found", code: "KEY_NOT_FOUND_ERR", message };
    for key in [OTHER_UUID, "no-such-alias"] {
        world
            .refuses(world.request(Method::POST, &format!("/api/v2/keys/{key}/actions/sync")), expected())
            .await;
    }
    world.refuses(world.sync_request().header("x-kms-key-ring", "another-ring"), expected()).await;
}

#[tokio::test]
async fn other_methods_405_and_other_paths_404() {
    let world = world().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let expected = Refused {
            status: 405,
            title: "Method Not Allowed",
            code: "METHOD_NOT_ALLOWED_ERR",
            message: "this path answers POST only",
        };
        let answer = world.refuses(world.request(method, &world.sync_path()), expected).await;
        assert_eq!(answer.header("allow"), "POST");
    }
    let message = "there is nothing at this path; the API is POST /api/v2/keys/{id}/actions/sync";
    let expected = Refused { status: 404, title: "Not Found", code: "NOT_FOUND_ERR", message };
    // At the function itself: the endpoint has other paths of its own.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    world.refuses(http.post(format!("{}/api/v2/keys", world.harness.sync_function().url())), expected).await;
}

#[tokio::test]
async fn the_window_is_closed_409() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    let notified_at = world.item().await["notified_at"].as_u64().unwrap();
    let opens_at = keysync::key::EpochMillis::new((notified_at + 3_600_000) / 1000 * 1000 + 1000);
    let message = format!(
        "The key was updated recently: Please wait and try again: \
         Sync cannot be performed until at least {opens_at}"
    );
    let expected = Refused { status: 409, title: "Conflict", code: "REQ_TOO_EARLY_ERR", message: &message };
    let answer = world.refuses(world.sync_request(), expected).await;
    let retry_after: u64 = answer.header("retry-after").parse().unwrap();
    assert!((3590..=3601).contains(&retry_after), "{retry_after} s");
}

#[tokio::test]
async fn too_large_a_body_413() {
    let world = world().await;
    let message = "the body has 10241 bytes; at most 10240 are taken, and none is needed";
    let expected =
        Refused { status: 413, title: "Payload Too Large", code: "PAYLOAD_TOO_LARGE_ERR", message };
    world.refuses(world.sync_request().body("x".repeat(10_241)), expected).await;
    let ignored = world.sync_request().body("x".repeat(10_240));
    assert_eq!(world.manager.send(ignored).await.unwrap().status, 204, "a body is ignored");
}

#[tokio::test]
async fn throttled_429() {
    let world = world().await;
    world.harness.dynamodb().proxy().inject(Fault::Throttle, Times::Always);
    let message = "Too many requests at the moment: Please wait and try again with the same correlation-id";
    let expected =
        Refused { status: 429, title: "Too Many Requests", code: "TOO_MANY_REQUESTS_ERR", message };
    let answer = world.refuses(world.sync_request(), expected).await;
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
}

#[tokio::test]
async fn dynamodb_is_out_503() {
    for fault in [Fault::Cut, Fault::Fail] {
        let world = world().await;
        world.harness.dynamodb().proxy().inject(fault, Times::Always);
        let message =
            "The service cannot decide at the moment: Please try again with the same correlation-id";
        let expected =
            Refused { status: 503, title: "Service Unavailable", code: "SERVICE_UNAVAILABLE_ERR", message };
        let answer = world.refuses(world.sync_request(), expected).await;
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
        world.harness.dynamodb().proxy().clear_faults();
        assert_eq!(world.sync().await.status, 204, "and it ends with the outage");
    }
}

#[tokio::test]
async fn a_defect_500_tells_nothing_internal() {
    let world = world().await;
    // An item that the service would never write: the claim cannot copy `services`.
    let client = world.harness.dynamodb().client();
    client
        .update_item()
        .table_name(world.harness.table())
        .key("pk", AttributeValue::S(format!("{}#{}", world.harness.instance(), world.key)))
        .key("sk", AttributeValue::S("key".to_owned()))
        .update_expression("REMOVE services")
        .send()
        .await
        .unwrap();
    let message = "An unexpected error occurred: Please report it with the correlation-id";
    let expected = Refused { status: 500, title: "Internal Server Error", code: "INTERNAL_ERR", message };
    world.refuses(world.sync_request(), expected).await;
}
