//! The DynamoDB engine that tests run on.

use keysync_harness::{HarnessBuilder, dynamo::Engine};

/// How many requests may be made at once, each of which DynamoDB has to answer within 1.5 s: the second engine takes one
/// after the other, 15 ms each where the machine has nothing else to do.
pub(crate) fn simultaneous_requests() -> usize {
    if std::env::var_os("KEYSYNC_TEST_DYNAMODB").is_some() { 20 } else { 200 }
}

/// `KEYSYNC_TEST_DYNAMODB` names another engine to run on than the embedded one; there each harness has a
/// table of its own.
pub(crate) fn on_the_engine_under_test(builder: HarnessBuilder) -> HarnessBuilder {
    match std::env::var("KEYSYNC_TEST_DYNAMODB") {
        Ok(url) => builder.engine(Engine::Url(url)).table(&format!("keysync-{}", uuid::Uuid::new_v4())),
        Err(_) => builder,
    }
}
