//! The same behaviour on three runtimes of the function: the real binary behind the emulated
//! Lambda, the handler in this process, and `cargo lambda watch`.
//!
//! Each runtime has one harness. The behaviours run on it one after the other, each with its own
//! key. All of them run even if one fails; the failure names the runtime and the behaviour.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

mod behaviours;
#[path = "../shared/binaries.rs"]
mod binaries;
mod cargo_lambda;
mod runtime;

use keysync_testkit::{Harness, lambda::Mode};
use tokio::sync::Mutex;

use crate::{binaries::binaries, cargo_lambda::CargoLambda, runtime::Runtime};

/// Serializes the tests that run the binary: `cargo lambda watch` replaces the harness's one.
static BINARY: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn process_runtime_shows_expected_behaviour() {
    let _alone = BINARY.lock().await;
    let harness = binaries().start().await.unwrap();
    Runtime::new("process", harness).await.assert_behaviours().await;
}

#[tokio::test]
async fn handler_in_process_shows_expected_behaviour() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    Runtime::new("in-process", harness).await.assert_behaviours().await;
}

#[tokio::test]
#[ignore = "needs cargo-lambda: run `cargo task cargo-lambda`"]
async fn cargo_lambda_runtime_shows_expected_behaviour() {
    let _alone = BINARY.lock().await;
    let lambda = CargoLambda::planned();
    let harness = Harness::builder().mode(Mode::Url(lambda.url())).env_file(Some(lambda.env_file()));
    let harness = harness.start().await.unwrap();
    let running = lambda.start().await;
    Runtime::new("cargo lambda watch", harness).await.assert_behaviours().await;
    running.stop().await;
}
