//! The DynamoDB engine that tests run on.

use keysync_testkit::{HarnessBuilder, dynamodb::Engine};

/// `KEYSYNC_TEST_DYNAMODB` names another engine to run on than the embedded one; there each harness has a
/// table of its own.
pub(crate) fn on_the_engine_under_test(builder: HarnessBuilder) -> HarnessBuilder {
    match std::env::var("KEYSYNC_TEST_DYNAMODB") {
        Ok(url) => builder.engine(Engine::Url(url)).table(&format!("keysync-{}", uuid::Uuid::new_v4())),
        Err(_) => builder,
    }
}
