//! Retries after write conflicts: writes that DynamoDB rejects because another write holds the item
//! for some milliseconds.
//!
//! A key's item is written by single `UpdateItem` calls and by the transactions that count
//! registrations. While a transaction holds the item, an update fails with
//! `TransactionConflictException`; conversely, the transaction is cancelled with the reason
//! `TransactionConflict`. The SDK retries neither, unlike `ReplicatedWriteConflictException` (a
//! write in another region, with global tables). Nothing was written, and a later attempt succeeds.
//!
//! These attempts count towards the limits of a call (`ledger/mod.rs`). An attempt after a lost
//! response is recognized as everywhere in the ledger: the item has this call's claim, lease or
//! action.

use std::time::Duration;

use aws_sdk_dynamodb::{
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
};
use aws_smithy_runtime_api::client::{
    interceptors::context::Error, orchestrator::OrchestratorError,
    retries::classifiers::RetryClassifierPriority,
};
use aws_smithy_types::retry::ErrorKind;

/// The range of the random wait before the next attempt, in milliseconds. A transaction takes about
/// 20 ms (`docs/reference/limits.md#conflict-wait`).
const WAIT_MILLIS: std::ops::RangeInclusive<u64> = 20..=150;

/// The cancellation reason of a transaction that met a conflict.
const TRANSACTION_CONFLICT: &str = "TransactionConflict";

/// A random wait before the next attempt.
pub(super) fn wait() -> Duration {
    Duration::from_millis(fastrand::u64(WAIT_MILLIS))
}

/// Classifies write conflicts as retryable.
#[derive(Debug)]
pub(super) struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if is_conflict(error) => {
                RetryAction::retryable_error_with_explicit_delay(ErrorKind::ClientError, wait())
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "write conflict"
    }

    /// Runs after the SDK's own classifiers, so that its wait takes precedence.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

fn is_conflict(error: &OrchestratorError<Error>) -> bool {
    let Some(error) = error.as_operation_error() else { return false };
    if let Some(error) = error.downcast_ref::<UpdateItemError>() {
        return error.is_transaction_conflict_exception() || error.is_replicated_write_conflict_exception();
    }
    match error.downcast_ref::<TransactWriteItemsError>() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
            is_only_conflict(codes)
        }
        _ => false,
    }
}

/// Whether conflicts are the only cause. If a condition failed as well, a retry of the same request
/// fails again: the items have to be read first.
fn is_only_conflict<'a>(codes: impl Iterator<Item = &'a str>) -> bool {
    let codes: Vec<_> = codes.filter(|code| *code != "None").collect();
    !codes.is_empty() && codes.iter().all(|code| *code == TRANSACTION_CONFLICT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        stub::{Step, Stub, cancelled, claim, error},
    };

    #[test]
    fn retries_transaction_cancelled_only_by_conflict() {
        let is_retried = |codes: &[&'static str]| is_only_conflict(codes.iter().copied());
        assert!(is_retried(&["None", "TransactionConflict"]));
        assert!(is_retried(&["TransactionConflict", "TransactionConflict"]));
        for codes in [
            &[][..],
            &["None", "None"],
            &["ConditionalCheckFailed", "TransactionConflict"],
            &["None", "ConditionalCheckFailed"],
            &["ValidationError", "TransactionConflict"],
        ] {
            assert!(!is_retried(codes), "{codes:?}");
        }
    }

    /// The errors that say that the item was being written, with a successful write after each.
    #[tokio::test(start_paused = true)]
    async fn conflict_is_retried_within_150_ms() {
        let conflicts = ["TransactionConflictException", "ReplicatedWriteConflictException"];
        for conflict in conflicts.map(|kind| error(400, kind)) {
            let stub = Stub::with([conflict]);
            let started = tokio::time::Instant::now();
            stub.ledger(DynamoDbClient::Sdk).claim(&claim()).await.unwrap();
            assert_eq!(stub.take_sent().len(), 2);
            assert!(
                started.elapsed() <= Duration::from_millis(*WAIT_MILLIS.end() + 1),
                "{:?}",
                started.elapsed()
            );
        }
        let transact = async |step: Step| {
            let stub = Stub::with([step, Step::Respond(200, json!({}))]);
            let sdk = stub.ledger(DynamoDbClient::Sdk).client;
            (sdk.transact_write_items().send().await.is_ok(), stub.take_sent().len())
        };
        assert_eq!(transact(cancelled(&["None", TRANSACTION_CONFLICT])).await, (true, 2));
        assert_eq!(transact(cancelled(&["None", "ConditionalCheckFailed"])).await, (false, 1));
        assert_eq!(transact(error(400, "ValidationException")).await, (false, 1));
    }

    /// The classifier with the highest priority decides how long to wait.
    #[test]
    fn conflicts_take_precedence_over_transient_errors() {
        assert!(Conflicts.priority() > RetryClassifierPriority::transient_error_classifier());
    }
}
