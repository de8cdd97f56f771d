//! The other use case: a lifecycle action was taken; record → deliver → confirm.

use crate::{
    deadline::Budget,
    ledger::{LedgerError, LifecycleChange, Recorded},
    outbox::Outbox,
};

/// Records a lifecycle action, which closes the window, and tells the associated services. False where
/// the key knew of it already, or of a later one: then nothing happens.
pub async fn take_note(
    outbox: &Outbox,
    change: &LifecycleChange,
    budget: Budget,
) -> Result<bool, LedgerError> {
    match outbox.ledger.record(change).await? {
        Recorded::Stale => Ok(false),
        Recorded::News(notification) => {
            outbox.empty(&notification, budget).await;
            Ok(true)
        }
    }
}
