//! Each fault, as the SDK observes it.

use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::AttributeValue};

use std::time::Duration;

use super::*;
use crate::{Dynamo, Engine, TABLE};
use keysync_browser_guard::Guard;
use keysync_emulator_support::clock::HarnessClock;

async fn put(dynamo: &Dynamo, pk: &str) -> Result<(), String> {
    let through_proxy = dynamo.sdk_config().into_builder().endpoint_url(dynamo.proxy().url()).build();
    aws_sdk_dynamodb::Client::new(&through_proxy)
        .put_item()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(pk.to_owned()))
        .item("sk", AttributeValue::S("x".to_owned()))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .map(drop)
        .map_err(|error| error.code().unwrap_or("no response").to_owned())
}

async fn dynamo() -> Dynamo {
    Dynamo::start(Engine::Memory, TABLE, &Context::new(HarnessClock::running(), Guard::default()))
        .await
        .unwrap()
}

#[tokio::test]
async fn counts_calls_by_operation() {
    let dynamo = dynamo().await;
    put(&dynamo, "a").await.unwrap();
    let calls = dynamo.proxy().take_calls();
    assert_eq!(calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["PutItem"]);
    assert!(dynamo.proxy().calls().is_empty());
}

#[tokio::test]
async fn lost_response_was_applied_before_the_retry() {
    let dynamo = dynamo().await;
    dynamo.proxy().inject(Fault::LoseResponse, Times::Next(1));
    assert_eq!(put(&dynamo, "a").await, Err("ConditionalCheckFailedException".to_owned()));
    assert_eq!(dynamo.proxy().calls().len(), 2);
}

#[tokio::test]
async fn cut_call_is_not_applied() {
    let dynamo = dynamo().await;
    dynamo.proxy().inject(Fault::Cut, Times::Next(1));
    assert_eq!(put(&dynamo, "a").await, Ok(()));
    assert_eq!(dynamo.proxy().calls().len(), 2);
}

#[tokio::test]
async fn faults_last_until_cleared() {
    let dynamo = dynamo().await;
    for (fault, code) in
        [(Fault::Throttle, "ProvisionedThroughputExceededException"), (Fault::Fail, "InternalServerError")]
    {
        dynamo.proxy().inject_on("PutItem", fault, Times::Always);
        assert_eq!(put(&dynamo, "a").await, Err(code.to_owned()));
        dynamo.proxy().clear_faults();
    }
    assert_eq!(put(&dynamo, "a").await, Ok(()));
}

#[tokio::test]
async fn fail_after_applies_the_write() {
    let dynamo = dynamo().await;
    dynamo.proxy().inject(Fault::FailAfter, Times::Next(1));
    assert_eq!(put(&dynamo, "a").await, Err("ConditionalCheckFailedException".to_owned()));
}

#[tokio::test]
async fn late_call_is_applied_after_its_error() {
    let dynamo = dynamo().await;
    dynamo.proxy().inject(Fault::ApplyLate(Duration::from_millis(1)), Times::Always);
    assert_eq!(put(&dynamo, "a").await, Err("no response".to_owned()));
    dynamo.proxy().wait_until_quiet().await;
    dynamo.proxy().clear_faults();
    assert_eq!(put(&dynamo, "a").await, Err("ConditionalCheckFailedException".to_owned()));
}

#[tokio::test]
async fn held_call_continues_after_release() {
    let dynamo = dynamo().await;
    for fault in [Fault::HoldRequest, Fault::HoldResponse] {
        dynamo.proxy().inject(fault, Times::Next(1));
    }
    for (count, pk) in [(1, "a"), (2, "b")] {
        let (result, ()) = tokio::join!(put(&dynamo, pk), async {
            dynamo.proxy().wait_until_held(count).await;
            dynamo.proxy().release();
        });
        assert_eq!(result, Ok(()), "{pk}");
    }
}

#[tokio::test]
async fn nth_fault_affects_one_call() {
    let dynamo = dynamo().await;
    dynamo.proxy().inject_on("PutItem", Fault::Cut, Times::Nth(2));
    for pk in ["a", "b", "c"] {
        assert_eq!(put(&dynamo, pk).await, Ok(()));
    }
    let faults: Vec<_> = dynamo.proxy().calls().into_iter().map(|call| call.fault).collect();
    assert_eq!(faults, [None, Some(Fault::Cut), None, None], "the second call, and its retry");
}

#[tokio::test]
async fn engine_records_what_it_applied() {
    let dynamo = dynamo().await;
    let update = async |value: &str| {
        let through_proxy = dynamo.sdk_config().into_builder().endpoint_url(dynamo.proxy().url()).build();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = aws_sdk_dynamodb::Client::new(&through_proxy).update_item().table_name(TABLE);
        let update = update.key("pk", text("a")).key("sk", text("key")).update_expression("SET x = :x");
        let update = update.condition_expression("attribute_not_exists(pk)");
        update.expression_attribute_values(":x", text(value)).send().await.is_ok()
    };
    assert_eq!(dynamo.take_applied(), Some(vec![]), "the recording starts");
    dynamo.proxy().inject(Fault::LoseResponse, Times::Next(1));
    assert!(!update("1").await, "the SDK's second attempt finds the item");
    let applied = dynamo.take_applied().unwrap();
    let seen: Vec<_> =
        applied.iter().map(|it| (it.applied, it.fault.as_str(), it.item["x"].as_str())).collect();
    assert_eq!(seen, [(true, "LoseResponse", Some("1")), (false, "", Some("1"))]);
    assert!(applied[0].number < applied[1].number);
}
