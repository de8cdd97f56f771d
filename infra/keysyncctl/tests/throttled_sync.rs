//! `keysyncctl sync` at an endpoint that throttles, fails, or is not there.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use keysync_testkit::httpmock::{
    HttpMockResponse,
    Method::{GET, POST},
    MockServer,
};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{API_KEY, DONE, Folder, Run, SOME_FAILED};

pub(crate) const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";

pub(crate) fn crn(key: &str) -> String {
    format!("crn:v1:bluemix:public:kms:us-south:a/abc123:{INSTANCE}:key:{key}")
}

/// A request that the endpoint received: its key, correlation id and instant.
pub(crate) type Received = Arc<Mutex<Vec<(String, String, Instant)>>>;

/// Adds an IAM to `server` that issues a token for the API key.
pub(crate) async fn with_iam(server: &MockServer) {
    server
        .mock_async(|when, then| {
            when.method(POST).path("/identity/token").body_includes(API_KEY);
            then.status(200).json_body(json!({"access_token": "token", "expires_in": 3600}));
        })
        .await;
}

/// Adds an endpoint whose response to each sync `respond` determines from the number of the request
/// for that key, from 1.
pub(crate) async fn with_syncs(
    server: &MockServer,
    delay: Duration,
    respond: impl Fn(usize) -> (u16, Option<&'static str>) + Send + Sync + 'static,
) -> Received {
    let received = Received::default();
    let seen = received.clone();
    server
        .mock_async(move |when, then| {
            when.method(POST).path_suffix("/actions/sync").header("authorization", "Bearer token");
            then.delay(delay).respond_with(move |request| {
                let header = |name: &str| {
                    let headers = request.headers_vec().iter();
                    headers
                        .clone()
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value.clone())
                        .unwrap_or_default()
                };
                assert_eq!(header("bluemix-instance"), INSTANCE);
                let key = request.uri().path().split('/').nth(4).unwrap_or_default().to_owned();
                let mut seen = seen.lock().unwrap();
                seen.push((key.clone(), header("correlation-id"), Instant::now()));
                let count = seen.iter().filter(|(other, ..)| *other == key).count();
                let (status, retry_after) = respond(count);
                let response = HttpMockResponse::builder().status(status);
                match retry_after {
                    Some(wait) => response.header("retry-after", wait).build(),
                    None => response.build(),
                }
            });
        })
        .await;
    received
}

pub(crate) fn command(folder: &Folder, server: &MockServer, arguments: &[&str]) -> Command {
    let mut command = folder.command(&[&["sync"], arguments, &["--json", "--retry-wait", "10ms"]].concat());
    command.env("KEYSYNCCTL_ENDPOINT", server.base_url()).env("KEYSYNCCTL_IAM_URL", server.base_url());
    command.env("IBMCLOUD_API_KEY", API_KEY);
    command
}

/// A file with the CRNs of `count` keys.
pub(crate) fn keys(folder: &Folder, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    folder.write("keys.csv", &keys.iter().map(|key| crn(key) + "\n").collect::<String>());
    keys
}

#[tokio::test]
async fn throttled_request_waits_as_long_as_asked() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    let respond = |n| [(429, Some("1")), (503, None), (204, None)][n - 1];
    let received = with_syncs(&server, Duration::ZERO, respond).await;
    keys(&folder, 1);

    let result = Run::of(&mut command(&folder, &server, &["--csv", "keys.csv"])).await.expect(DONE).json();

    assert_eq!((&result[0]["outcome"], &result[0]["attempts"]), (&"accepted".into(), &3.into()));
    let received = received.lock().unwrap();
    let [(_, first, at), (_, second, next), (_, third, _)] = &received[..] else { panic!("{received:?}") };
    assert!(!first.is_empty() && first == second && second == third, "one request, three attempts");
    assert!(next.duration_since(*at) >= Duration::from_secs(1));
}

#[tokio::test]
async fn throttling_holds_back_all_keys() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    let received =
        with_syncs(&server, Duration::ZERO, |n| if n == 1 { (429, Some("1")) } else { (204, None) }).await;
    let keys = keys(&folder, 6);
    let run = Run::of(&mut command(&folder, &server, &["--csv", "keys.csv", "--concurrency", "2"])).await;
    run.expect(DONE);
    let received = received.lock().unwrap();
    assert_eq!(received.len(), 2 * keys.len());
    let started = received[0].2;
    let early =
        received.iter().filter(|(.., at)| at.duration_since(started) < Duration::from_millis(900)).count();
    assert!(early <= 2, "no more requests than were on their way: {early}");
}

#[tokio::test]
async fn outage_fails_keys_and_next_run_continues() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    let received =
        with_syncs(&server, Duration::ZERO, |n| if n <= 2 { (503, None) } else { (204, None) }).await;
    keys(&folder, 1);
    let arguments = ["--csv", "keys.csv", "--max-attempts", "2"];
    let failed = Run::of(&mut command(&folder, &server, &arguments)).await.expect(SOME_FAILED).json();
    assert_eq!((&failed[0]["outcome"], &failed[0]["status"]), (&"failed".into(), &503.into()));
    Run::of(&mut command(&folder, &server, &arguments)).await.expect(DONE);
    let ids: Vec<String> = received.lock().unwrap().iter().map(|(_, id, _)| id.clone()).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "it may have been accepted: {ids:?}");
}

#[tokio::test]
async fn unreachable_endpoint_fails_with_reason() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    keys(&folder, 1);
    let mut command = command(&folder, &server, &["--csv", "keys.csv", "--max-attempts", "2"]);
    let result =
        Run::of(command.env("KEYSYNCCTL_ENDPOINT", "http://127.0.0.1:1")).await.expect(SOME_FAILED).json();
    assert_eq!((&result[0]["status"], &result[0]["attempts"]), (&Value::Null, &2.into()));
    assert!(result[0]["message"].as_str().unwrap().contains("refused"), "{result}");
}

#[tokio::test]
async fn waits_until_window_opens_if_asked() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    with_iam(&server).await;
    let received =
        with_syncs(&server, Duration::ZERO, |n| if n == 1 { (409, Some("1")) } else { (204, None) }).await;
    keys(&folder, 1);
    let result =
        Run::of(&mut command(&folder, &server, &["--csv", "keys.csv", "--wait"])).await.expect(DONE).json();
    assert_eq!(result[0]["outcome"], "accepted");
    let received = received.lock().unwrap();
    let [(_, first, at), (_, second, next)] = &received[..] else { panic!("{received:?}") };
    assert!(first != second, "two requests: the first one was rejected");
    assert!(next.duration_since(*at) >= Duration::from_secs(1));
}

#[tokio::test]
async fn expired_token_is_renewed_once() {
    let (server, folder) = (MockServer::start_async().await, Folder::new());
    let issued = Arc::new(Mutex::new(0));
    let count = issued.clone();
    server
        .mock_async(move |when, then| {
            when.method(POST).path("/identity/token");
            then.respond_with(move |_| {
                *count.lock().unwrap() += 1;
                let token =
                    json!({"access_token": format!("token-{}", count.lock().unwrap()), "expires_in": 3600});
                HttpMockResponse::builder().status(200).body(token.to_string()).build()
            });
        })
        .await;
    for (token, status) in [("Bearer token-1", 401), ("Bearer token-2", 204)] {
        server
            .mock_async(|when, then| {
                when.method(POST).path_suffix("/actions/sync").header("authorization", token);
                then.status(status);
            })
            .await;
    }
    let no_status = server
        .mock_async(|when, then| {
            when.method(GET).path_suffix("/notifications");
            then.status(404);
        })
        .await;
    keys(&folder, 3);
    let arguments = ["--csv", "keys.csv", "--concurrency", "1"];
    let run = Run::of(&mut command(&folder, &server, &arguments)).await.expect(DONE);
    assert_eq!(*issued.lock().unwrap(), 2);
    no_status.assert_calls_async(1).await;
    assert!(run.err.contains("does not report the status"), "{}", run.err);
}
