//! G6: every error response of a sync, with its full document, and that the request wrote nothing.

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

/// The expected error response.
struct ExpectedError<'a> {
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

    /// A sync request without any header.
    fn bare(&self) -> reqwest::RequestBuilder {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.post(format!("{}{}", self.harness.endpoint_url(), self.sync_path()))
    }

    async fn assert_rejected(
        &self,
        request: reqwest::RequestBuilder,
        expected: ExpectedError<'_>,
    ) -> Response {
        let before = self.all_items().await;
        let request = request.header("correlation-id", "c-42");
        let response = self.manager.send(request).await.unwrap();
        let ExpectedError { status, title, code, message } = expected;
        assert_eq!(response.body, document(title, status, code, message));
        assert_eq!(response.status, status);
        assert_eq!(response.header("content-type"), "application/json");
        assert_eq!(response.header("correlation-id"), "c-42");
        let authenticate = if status == 401 { "Bearer" } else { "" };
        assert_eq!(response.header("www-authenticate"), authenticate);
        assert_eq!(self.all_items().await, before, "a rejected request writes nothing");
        response
    }

    async fn assert_invalid_field(&self, request: reqwest::RequestBuilder, message: &str) {
        self.assert_rejected(
            request,
            ExpectedError { status: 400, title: "Bad Request", code: "INVALID_FIELD_ERR", message },
        )
        .await;
    }
}

#[tokio::test]
async fn unreadable_subject_returns_400() {
    let world = world().await;
    for authorization in ["Basic dXNlcjpwYXNz", "Bearer x", "Bearer a.b.c"] {
        let request = world.bare().header("authorization", authorization);
        let expected = ExpectedError {
            status: 400,
            title: "Bad Request",
            code: "BEARER_SUB_EXTRACTION_ERR",
            message: NO_SUBJECT,
        };
        world.assert_rejected(request, expected).await;
    }
}

#[tokio::test]
async fn invalid_fields_return_400() {
    let world = world().await;
    let bearer = || world.bare().bearer_auth(world.manager.token());
    world
        .assert_invalid_field(
            bearer(),
            "`bluemix-instance` is missing; send the UUID of the service instance",
        )
        .await;
    let request = bearer().header("bluemix-instance", "my-instance");
    world.assert_invalid_field(request, "`bluemix-instance` must be a UUID: got `my-instance`").await;
    let request = world.sync_request().header("bluemix-instance", OTHER_UUID);
    let message = "`bluemix-instance` is given more than once with different values; send it once";
    world.assert_invalid_field(request, message).await;
    let request = world.sync_request().header("x-kms-key-ring", "a_ring");
    let message = "`x-kms-key-ring` must be a key ring: 2 to 100 letters, digits or `-`: got `a_ring`";
    world.assert_invalid_field(request, message).await;
    let request = world.request(Method::POST, "/api/v2/keys/no%20key/actions/sync");
    let message = "`id` must be a key's identifier (a version 4 UUID) or alias \
                   (2 to 90 letters, digits, `_` or `-`, and not a UUID): got `no%20key`";
    world.assert_invalid_field(request, message).await;
    let host = format!("{OTHER_UUID}.api.us-south.hs-crypto.appdomain.cloud");
    let message = format!(
        "`bluemix-instance` must name the instance of the host: got `{}`, and the host names `{OTHER_UUID}`",
        world.harness.instance()
    );
    world.assert_invalid_field(world.sync_request().header("host", host), &message).await;
}

#[tokio::test]
async fn invalid_correlation_id_returns_400_with_new_id() {
    let world = world().await;
    for name in ["correlation-id", "x-correlation-id"] {
        let response = world.manager.send(world.sync_request().header(name, "two words")).await.unwrap();
        assert_eq!((response.status.as_u16(), response.code()), (400, "INVALID_FIELD_ERR"));
        assert!(
            response.message().starts_with(&format!("`{name}` must be 1 to 128 visible ASCII characters"))
        );
        assert!(uuid::Uuid::try_parse(response.header("correlation-id")).is_ok());
    }
}

#[tokio::test]
async fn standard_key_returns_400() {
    let world = world().await;
    let standard = world.harness.sample_keys().await.unwrap().standard;
    let request = world.request(Method::POST, &format!("/api/v2/keys/{standard}/actions/sync"));
    let message = "The key is a standard key: only root keys have associated resources";
    let expected = ExpectedError { status: 400, title: "Bad Request", code: "KEY_ROOT_REQ_ERR", message };
    world.assert_rejected(request, expected).await;
}

#[tokio::test]
async fn missing_token_returns_401() {
    let world = world().await;
    let message = "the `authorization` header is missing; send `Bearer <IAM access token>`";
    let expected = ExpectedError { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message };
    world.assert_rejected(world.bare(), expected).await;
}

#[tokio::test]
async fn invalid_token_returns_401() {
    let world = world().await;
    let manager = world.harness.iam().authenticate(&world.manager.token()).unwrap();
    let token = world.harness.iam().token(&manager.iam_id).signed_with_unknown_key().build().unwrap();
    let request =
        world.bare().bearer_auth(token).header("bluemix-instance", world.harness.instance().to_string());
    let expected =
        ExpectedError { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message: UNAUTHORIZED };
    world.assert_rejected(request, expected).await;
}

#[tokio::test]
async fn caller_without_role_gets_401_for_any_key() {
    let world = world().await;
    let reader = Client::log_in(&world.harness, world.harness.reader_api_key()).await.unwrap();
    for key in [world.key.as_str(), OTHER_UUID, "an-alias"] {
        let request = reader.request(Method::POST, &format!("/api/v2/keys/{key}/actions/sync"));
        let expected = ExpectedError {
            status: 401,
            title: "Unauthorized",
            code: "UNAUTHORIZED_ERR",
            message: UNAUTHORIZED,
        };
        world.assert_rejected(request, expected).await;
    }
}

#[tokio::test]
async fn foreign_instance_returns_401() {
    let world = world().await;
    let request = world.bare().bearer_auth(world.manager.token()).header("bluemix-instance", OTHER_UUID);
    let expected =
        ExpectedError { status: 401, title: "Unauthorized", code: "UNAUTHORIZED_ERR", message: UNAUTHORIZED };
    world.assert_rejected(request, expected).await;
}

#[tokio::test]
async fn unknown_key_returns_404() {
    let world = world().await;
    let message = "Key does not exist in this instance or key ring";
    let expected = || ExpectedError { status: 404, title: "Not Found", code: "KEY_NOT_FOUND_ERR", message };
    for key in [OTHER_UUID, "no-such-alias"] {
        world
            .assert_rejected(
                world.request(Method::POST, &format!("/api/v2/keys/{key}/actions/sync")),
                expected(),
            )
            .await;
    }
    world.assert_rejected(world.sync_request().header("x-kms-key-ring", "another-ring"), expected()).await;
}

#[tokio::test]
async fn other_methods_return_405_and_paths_404() {
    let world = world().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let expected = ExpectedError {
            status: 405,
            title: "Method Not Allowed",
            code: "METHOD_NOT_ALLOWED_ERR",
            message: "this route accepts only POST",
        };
        let response = world.assert_rejected(world.request(method, &world.sync_path()), expected).await;
        assert_eq!(response.header("allow"), "POST");
    }
    let message = "no such route; to synchronize a key, use POST /api/v2/keys/{id}/actions/sync, and to read \
                   the status of its notifications, GET /api/v2/keys/{id}/notifications";
    let expected = ExpectedError { status: 404, title: "Not Found", code: "NOT_FOUND_ERR", message };
    // At the function: the emulated endpoint serves other paths, too.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    world
        .assert_rejected(http.post(format!("{}/api/v2/keys", world.harness.sync_function().url())), expected)
        .await;
}

#[tokio::test]
async fn closed_window_returns_409() {
    let world = world().await;
    assert_eq!(world.sync().await.status, 204);
    let notified_at = world.item().await["notified_at"].as_u64().unwrap();
    let opens_at = keysync::domain::EpochMillis::new((notified_at + 3_600_000) / 1000 * 1000 + 1000);
    let message = format!(
        "The key was updated recently: Please wait and try again: \
         Sync cannot be performed until at least {}",
        opens_at.whole_seconds()
    );
    let expected =
        ExpectedError { status: 409, title: "Conflict", code: "REQ_TOO_EARLY_ERR", message: &message };
    let response = world.assert_rejected(world.sync_request(), expected).await;
    let retry_after: u64 = response.header("retry-after").parse().unwrap();
    assert!((3590..=3601).contains(&retry_after), "{retry_after} s");
}

#[tokio::test]
async fn oversized_body_returns_413() {
    let world = world().await;
    let message = "the body has 10241 bytes; the limit is 10240, and no body is needed";
    let expected =
        ExpectedError { status: 413, title: "Payload Too Large", code: "PAYLOAD_TOO_LARGE_ERR", message };
    world.assert_rejected(world.sync_request().body("x".repeat(10_241)), expected).await;
    let largest = world.sync_request().body("x".repeat(10_240));
    assert_eq!(world.manager.send(largest).await.unwrap().status, 204, "the body is ignored");
}

#[tokio::test]
async fn dynamodb_throttling_returns_429() {
    let world = world().await;
    world.harness.dynamodb().proxy().inject(Fault::Throttle, Times::Always);
    let message = "Too many requests at the moment: Please wait and try again with the same correlation-id";
    let expected =
        ExpectedError { status: 429, title: "Too Many Requests", code: "TOO_MANY_REQUESTS_ERR", message };
    let response = world.assert_rejected(world.sync_request(), expected).await;
    assert!(response.header("retry-after").parse::<u64>().is_ok());
}

#[tokio::test]
async fn dynamodb_outage_returns_503() {
    for fault in [Fault::Cut, Fault::Fail] {
        let world = world().await;
        world.harness.dynamodb().proxy().inject(fault, Times::Always);
        let message = "The service is temporarily unavailable: Please retry with the same correlation-id";
        let expected = ExpectedError {
            status: 503,
            title: "Service Unavailable",
            code: "SERVICE_UNAVAILABLE_ERR",
            message,
        };
        let response = world.assert_rejected(world.sync_request(), expected).await;
        assert!(response.header("retry-after").parse::<u64>().is_ok());
        world.harness.dynamodb().proxy().clear_faults();
        assert_eq!(world.sync().await.status, 204, "the error ends with the outage");
    }
}

#[tokio::test]
async fn internal_error_returns_500_without_details() {
    let world = world().await;
    // An item that the functions never write: the claim cannot copy `services`.
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
    let expected =
        ExpectedError { status: 500, title: "Internal Server Error", code: "INTERNAL_ERR", message };
    world.assert_rejected(world.sync_request(), expected).await;
}
