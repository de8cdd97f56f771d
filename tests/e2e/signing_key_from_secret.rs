//! The signing key in a secret: a function fetches it once, when it starts. A function that cannot
//! read it does not start, and logs the secret's name and the reason, never its value.

use std::time::{Duration, Instant};

use keysync::config::{SIGNING_KEY, SIGNING_KEY_SECRET};
use keysync_testkit::{
    HarnessBuilder, HarnessError,
    lambda::{FunctionError, Mode, ProcessFunction},
    secrets::{self, Fault},
    services::{Behaviour, Verdict},
};
use serde_json::json;

use crate::support::{HOUR, World, binaries, world_of};

/// The private key of RFC 8032's first test vector.
const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// Lambda's limit for the init of a function.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

fn with_secret() -> HarnessBuilder {
    binaries().env(SIGNING_KEY_SECRET, secrets::SIGNING_KEY)
}

/// Lets each function notify object storage, which acts only if the signature is valid.
async fn assert_all_functions_sign(world: &World) {
    let storage = world.harness.object_storage();
    assert_eq!(world.take("actions/rotate").await.status, 204, "by `lifecycle`");
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204, "by `sync`");
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    storage.behave_next(1, Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await.delivered, 1, "by `redeliver`");
    let verdicts: Vec<_> = storage.received().into_iter().map(|received| received.verdict).collect();
    assert_eq!(verdicts, [Verdict::Acted, Verdict::Acted, Verdict::Ignored, Verdict::Acted]);
}

#[tokio::test]
async fn each_function_reads_the_secret_once() {
    for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
        let world = world_of(with_secret().mode(mode)).await;
        assert_all_functions_sign(&world).await;
        assert_eq!(world.harness.secrets().reads(), 3, "each function reads it at its start only");
    }
}

#[tokio::test]
async fn environment_key_needs_no_secret() {
    let world = world_of(binaries()).await;
    assert_all_functions_sign(&world).await;
    assert_eq!(world.harness.secrets().reads(), 0);
}

/// The log of a function that does not start.
pub(crate) async fn start_failure(builder: HarnessBuilder) -> String {
    match builder.start().await {
        Err(HarnessError::Function(FunctionError::Ended(log) | FunctionError::Configuration(log))) => log,
        other => panic!("the function started: {other:?}"),
    }
}

#[tokio::test]
async fn invalid_settings_are_named() {
    let secret = |name: &str| binaries().env(SIGNING_KEY_SECRET, name);
    for (builder, message) in [
        (
            secret("no/such/secret"),
            "the secret `no/such/secret` in KEYSYNC_SIGNING_KEY_SECRET does not exist",
        ),
        (
            with_secret().env(SIGNING_KEY, KEY),
            "KEYSYNC_SIGNING_KEY and KEYSYNC_SIGNING_KEY_SECRET are both set",
        ),
        (secret(KEY), "KEYSYNC_SIGNING_KEY_SECRET must be the name or ARN of the secret"),
    ] {
        for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
            let log = start_failure(builder.clone().mode(mode)).await;
            assert!(log.contains(message) && !log.contains("nWGxne"), "{message} is missing in\n{log}");
        }
    }
}

/// A failure of the secret, until the function has logged it.
enum Failure {
    Fault(Fault),
    Value(&'static str),
}

/// Restarts a function while its secret cannot be read: it logs `message`, and starts once the
/// secret can be read.
async fn restart_during<T>(
    world: &World,
    function: &ProcessFunction,
    failure: Failure,
    message: &str,
    invocation: impl Future<Output = T>,
) -> T {
    let secrets = world.harness.secrets();
    match failure {
        Failure::Fault(fault) => secrets.fail_with(Some(fault)),
        Failure::Value(value) => secrets.put(secrets::SIGNING_KEY, value),
    }
    function.kill().await;
    let start = function.log().len();
    let recover_once_logged = async {
        let started = Instant::now();
        let log =
            function.wait_for_log(|lines| lines[start..].iter().any(|line| line.contains("cannot start")));
        let log = log.await[start..].join("\n");
        assert!(started.elapsed() < INIT_TIMEOUT, "{:?}", started.elapsed());
        for part in ["`keysync/signing-key`", message] {
            assert!(log.contains(part), "{part} is missing in\n{log}");
        }
        assert!(!log.contains("whsk_n") && !log.contains("hunter2"), "{log}");
        secrets.fail_with(None);
        secrets.put(secrets::SIGNING_KEY, KEY);
    };
    tokio::join!(invocation, recover_once_logged).0
}

#[tokio::test]
async fn sync_starts_once_its_key_is_readable() {
    let world = world_of(with_secret()).await;
    let function = world.harness.sync_function().process().unwrap();
    let denied = (Failure::Fault(Fault::Denied), "grant the function's role `secretsmanager:GetSecretValue`");
    let response = restart_during(&world, function, denied.0, denied.1, world.sync()).await;
    assert_eq!(response.status, 204);
    let down = (Failure::Fault(Fault::Down), "Secrets Manager responded with InternalServiceError");
    let response = restart_during(&world, function, down.0, down.1, world.sync()).await;
    assert_eq!(response.status, 409);
}

#[tokio::test]
async fn lifecycle_starts_once_its_key_is_readable() {
    let world = world_of(with_secret()).await;
    let function = world.harness.lifecycle_function();
    let (hangs, message) = (Failure::Fault(Fault::Hang), "no response from Secrets Manager within 5 s");
    let batch = json!({"Records": []});
    let invocation = function.invoke(&batch);
    let response = restart_during(&world, function.processes().unwrap(), hangs, message, invocation).await;
    assert_eq!(response.unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn redeliver_starts_once_its_key_is_readable() {
    let world = world_of(with_secret()).await;
    let function = world.harness.redeliver_function().processes().unwrap();
    let (invalid, message) = (Failure::Value("whsk_hunter2"), "contains no valid signing key");
    let summary = restart_during(&world, function, invalid, message, world.redeliver()).await;
    assert_eq!(summary.errors, 0);
}
