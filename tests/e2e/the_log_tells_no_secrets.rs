//! The function logs what an operator needs, as JSON, and no secret.

use serde_json::Value;

use crate::support::world;

#[tokio::test]
async fn and_what_an_operator_needs() {
    let world = world().await;
    world.sync().await;
    world.sync().await;
    world.manager.with_token("not-a-token-at-all").sync(&world.key).await.unwrap();
    let function = world.harness.function().process().unwrap();
    let log = function.log();

    let whole = log.join("\n");
    for secret in [
        world.manager.token().as_str(),
        world.harness.api_key(),
        "whsk_",
        "not-a-token-at-all",
        "webhook-signature",
    ] {
        assert!(!whole.contains(secret), "{secret} is in\n{whole}");
    }
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = |status: u64| {
        lines.iter().find(|line| line["status"] == status).unwrap_or_else(|| panic!("{status} in\n{whole}"))
    };
    for status in [204, 409] {
        let span = &answered(status)["span"];
        assert_eq!(span["key"], world.key.as_str());
        assert!(span["correlation_id"].is_string() && answered(status)["duration_ms"].is_number());
    }
    assert_eq!(answered(409)["outcome"], "REQ_TOO_EARLY_ERR");
    assert_eq!(answered(400)["outcome"], "BEARER_SUB_EXTRACTION_ERR");
}
