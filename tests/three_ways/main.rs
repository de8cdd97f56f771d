//! Three ways to the function, and the same behaviour on each: the real binary behind the emulated Lambda, the same
//! handler in this process, and `cargo lambda watch`.
//!
//! Each way has one harness, on which the behaviours run one after the other, each with a key of its own. All of them run
//! even where one fails; the failure names way and behaviour.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod behaviours;
mod cargo_lambda;
mod way;

use keysync_testkit::{Harness, lambda::Mode};
use tokio::sync::Mutex;

use crate::{cargo_lambda::CargoLambda, way::Way};

/// `cargo lambda watch` puts its binary where the harness's is: not while that one runs.
static BINARY: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn by_process() {
    let _alone = BINARY.lock().await;
    let harness = Harness::builder().mode(Mode::Process { environments: 1 }).start().await.unwrap();
    Way::new("process", harness).await.behaves().await;
}

#[tokio::test]
async fn in_process() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    Way::new("in-process", harness).await.behaves().await;
}

#[tokio::test]
#[ignore = "needs cargo-lambda: run `cargo task cargo-lambda`"]
async fn by_cargo_lambda() {
    let _alone = BINARY.lock().await;
    let lambda = CargoLambda::planned();
    let harness = Harness::builder().mode(Mode::Url(lambda.url())).env_file(Some(lambda.env_file()));
    let harness = harness.start().await.unwrap();
    let running = lambda.start().await;
    Way::new("cargo lambda watch", harness).await.behaves().await;
    running.end().await;
}
