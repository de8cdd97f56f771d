//! Where the environment names a secret instead of the signing key, each function fetches it once, when it starts. One
//! that cannot have it does not start, says which secret it wants and why it has it not, and never what is in it.

use std::time::{Duration, Instant};

use keysync::config::{SIGNING_KEY, SIGNING_KEY_SECRET};
use keysync_testkit::{
    Harness, HarnessBuilder, HarnessError,
    lambda::{FunctionError, Mode, ProcessFunction},
    secrets::{self, Fault},
    services::{Behaviour, Verdict},
};
use serde_json::json;

use crate::support::{HOUR, World, world_of};

/// The private key of RFC 8032's first test vector.
const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// How long Lambda lets a function start.
const LAMBDAS_PATIENCE: Duration = Duration::from_secs(10);

fn by_a_secret() -> HarnessBuilder {
    Harness::builder().env(SIGNING_KEY_SECRET, secrets::SIGNING_KEY)
}

/// Has each of the three functions tell object storage something, which acts on what is signed well.
async fn all_three_sign(world: &World) {
    let storage = world.harness.object_storage();
    assert_eq!(world.take("actions/rotate").await.status, 204, "by `lifecycle`");
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    assert_eq!(world.sync().await.status, 204, "by `sync`");
    world.advance_clock(HOUR + Duration::from_secs(1)).await;
    storage.behave_next(1, Behaviour::respond(503));
    assert_eq!(world.sync().await.status, 204);
    world.advance_clock(Duration::from_mins(2)).await;
    assert_eq!(world.redeliver().await["delivered"], 1, "by `redeliver`");
    let verdicts: Vec<_> = storage.received().into_iter().map(|received| received.verdict).collect();
    assert_eq!(verdicts, [Verdict::Acted, Verdict::Acted, Verdict::Ignored, Verdict::Acted]);
}

#[tokio::test]
async fn once_by_each_of_the_three() {
    for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
        let world = world_of(by_a_secret().mode(mode)).await;
        all_three_sign(&world).await;
        assert_eq!(world.harness.secrets().reads(), 3, "each asks when it starts, and not again");
    }
}

#[tokio::test]
async fn and_not_where_the_environment_holds_the_key() {
    let world = world_of(Harness::builder()).await;
    all_three_sign(&world).await;
    assert_eq!(world.harness.secrets().reads(), 0);
}

/// What a harness says whose function did not start.
async fn did_not_start(builder: HarnessBuilder) -> String {
    match builder.start().await {
        Err(HarnessError::Function(FunctionError::Ended(log) | FunctionError::Configuration(log))) => log,
        other => panic!("it should not have started: {other:?}"),
    }
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let secret = |name: &str| Harness::builder().env(SIGNING_KEY_SECRET, name);
    for (builder, said) in [
        (
            secret("no/such/secret"),
            "the secret `no/such/secret`, which KEYSYNC_SIGNING_KEY_SECRET names, is not there",
        ),
        (
            by_a_secret().env(SIGNING_KEY, KEY),
            "KEYSYNC_SIGNING_KEY and KEYSYNC_SIGNING_KEY_SECRET are both set",
        ),
        (secret(KEY), "KEYSYNC_SIGNING_KEY_SECRET must name the secret that holds the signing key"),
    ] {
        for mode in [Mode::Process { environments: 1 }, Mode::InProcess] {
            let log = did_not_start(builder.clone().mode(mode)).await;
            assert!(log.contains(said) && !log.contains("nWGxne"), "{said} is missing in\n{log}");
        }
    }
}

/// What goes wrong with the secret until the function has said so.
enum Trouble {
    Fault(Fault),
    Value(&'static str),
}

/// Has a function start anew while its secret is in trouble: it says `said`, and starts when the trouble is over.
async fn starts_when_it_is_over<T>(
    world: &World,
    function: &ProcessFunction,
    trouble: Trouble,
    said: &str,
    invocation: impl Future<Output = T>,
) -> T {
    let secrets = world.harness.secrets();
    match trouble {
        Trouble::Fault(fault) => secrets.fail_with(Some(fault)),
        Trouble::Value(value) => secrets.put(secrets::SIGNING_KEY, value),
    }
    function.kill().await;
    let begun = function.log().len();
    let until_it_says_so = async {
        let started = Instant::now();
        let log =
            function.wait_for_log(|lines| lines[begun..].iter().any(|line| line.contains("cannot start")));
        let log = log.await[begun..].join("\n");
        assert!(started.elapsed() < LAMBDAS_PATIENCE, "{:?}", started.elapsed());
        for part in ["`keysync/signing-key`", said] {
            assert!(log.contains(part), "{part} is missing in\n{log}");
        }
        assert!(!log.contains("whsk_n") && !log.contains("hunter2"), "{log}");
        secrets.fail_with(None);
        secrets.put(secrets::SIGNING_KEY, KEY);
    };
    tokio::join!(invocation, until_it_says_so).0
}

#[tokio::test]
async fn sync_does_not_start_without_it() {
    let world = world_of(by_a_secret()).await;
    let function = world.harness.sync_function().process().unwrap();
    let denied = (Trouble::Fault(Fault::Denied), "needs `secretsmanager:GetSecretValue` on it");
    let answer = starts_when_it_is_over(&world, function, denied.0, denied.1, world.sync()).await;
    assert_eq!(answer.status, 204);
    let down = (Trouble::Fault(Fault::Down), "Secrets Manager answers InternalServiceError");
    let answer = starts_when_it_is_over(&world, function, down.0, down.1, world.sync()).await;
    assert_eq!(answer.status, 409);
}

#[tokio::test]
async fn lifecycle_does_not_start_without_it() {
    let world = world_of(by_a_secret()).await;
    let function = world.harness.lifecycle_function();
    let (hangs, said) = (Trouble::Fault(Fault::Hang), "does not answer within 5 s");
    let batch = json!({"Records": []});
    let taken = function.invoke(&batch);
    let answer = starts_when_it_is_over(&world, function.processes().unwrap(), hangs, said, taken).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn redeliver_does_not_start_without_it() {
    let world = world_of(by_a_secret()).await;
    let function = world.harness.redeliver_function().processes().unwrap();
    let (wrong, said) = (Trouble::Value("whsk_hunter2"), "holds no signing key, which must be `whsk_`");
    let summary = starts_when_it_is_over(&world, function, wrong, said, world.redeliver()).await;
    assert_eq!(summary["errors"], 0);
}
