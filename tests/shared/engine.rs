//! The DynamoDB engine that the tests run on.

use keysync_testkit::{HarnessBuilder, dynamodb::Engine};

/// Uses the engine at the URL in `KEYSYNC_TEST_DYNAMODB` instead of the embedded one; each harness
/// has its own table there.
pub(crate) fn on_the_engine_under_test(builder: HarnessBuilder) -> HarnessBuilder {
    match std::env::var("KEYSYNC_TEST_DYNAMODB") {
        Ok(url) => builder.engine(Engine::Url(url)).table(&format!("keysync-{}", uuid::Uuid::new_v4())),
        Err(_) => builder,
    }
}
