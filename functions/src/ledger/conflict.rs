//! Write conflicts: a write that DynamoDB turns down because another one holds the item for some milliseconds.
//!
//! A key's item is written by `UpdateItem` alone and by the transactions that count registrations. While one of the
//! latter holds it, the former gets `TransactionConflictException`; the other way round, the transaction is cancelled
//! with the reason `TransactionConflict`. The SDK retries neither, unlike `ReplicatedWriteConflictException` (a write
//! of another region, with global tables). Nothing was written, and the next attempt finds the item free.
//!
//! The attempts count among those of a call and end with its time (`ledger/mod.rs`). One that follows a lost answer
//! is recognised like any other: our own claim, lease or action is on the item.

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

/// The shortest and the longest wait before the next attempt, in milliseconds. A transaction takes about 20.
const WAIT_MILLIS: std::ops::RangeInclusive<u64> = 20..=150;

/// The reason of a transaction that was cancelled because of a conflict.
const TRANSACTION_CONFLICT: &str = "TransactionConflict";

/// Has the SDK retry what met a conflict.
#[derive(Debug)]
pub(super) struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if is_conflict(error) => RetryAction::retryable_error_with_explicit_delay(
                ErrorKind::ClientError,
                Duration::from_millis(fastrand::u64(WAIT_MILLIS)),
            ),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "write conflict"
    }

    /// After the SDK's own classifiers, so that the wait is this one in any case.
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
            is_conflict_alone(codes)
        }
        _ => false,
    }
}

/// A condition that failed as well would fail again: what it was made from has to be read anew.
fn is_conflict_alone<'a>(codes: impl Iterator<Item = &'a str>) -> bool {
    let codes: Vec<_> = codes.filter(|code| *code != "None").collect();
    !codes.is_empty() && codes.iter().all(|code| *code == TRANSACTION_CONFLICT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_cancelled_transaction_for_conflict_alone() {
        let is_retried = |codes: &[&'static str]| is_conflict_alone(codes.iter().copied());
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
}
