//! The pauses as a process last read them, for the functions that deliver a notification at once:
//! most deliveries need no read (docs/reference/limits.md#pause-age).

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync, time::Instant};

use super::{Ledger, LedgerError, Pauses};
use crate::domain::ServiceName;

/// The age at which the pauses are read again.
const MAX_AGE: Duration = Duration::from_mins(1);
/// The time limit for reading them: a delivery does not wait longer.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// The pauses that a process knows.
#[derive(Debug)]
pub struct PauseCache {
    known: Mutex<Known>,
    /// Held during a read, which concurrent deliveries wait for.
    reading: sync::Mutex<()>,
    /// The services that the registry pauses.
    registry: BTreeSet<ServiceName>,
}

#[derive(Debug)]
struct Known {
    pauses: Arc<Pauses>,
    /// The start of the last read.
    read_at: Option<Instant>,
}

impl PauseCache {
    /// A cache that knows only what the registry pauses.
    #[must_use]
    pub fn new(registry: BTreeSet<ServiceName>) -> Self {
        let pauses = Arc::new(Pauses::default().with_registry(registry.clone()));
        Self { known: Mutex::new(Known { pauses, read_at: None }), reading: sync::Mutex::new(()), registry }
    }

    /// Reads the pauses now.
    pub async fn read(&self, ledger: &Ledger) -> Result<Pauses, LedgerError> {
        Ok(ledger.pauses().await?.with_registry(self.registry.clone()))
    }

    /// Reads the pauses during init, so that the first deliveries need no read. If that fails, they
    /// do.
    pub async fn prefetch(&self, ledger: &Ledger) {
        if let Some(pauses) = self.try_read(ledger).await {
            *self.lock() = Known { pauses: Arc::new(pauses), read_at: Some(Instant::now()) };
        }
    }

    /// The pauses, read again if those known are a minute old. If they cannot be read, those known
    /// stay in use, none before the first read: a sync must not depend on this read.
    pub async fn current(&self, ledger: &Ledger) -> Arc<Pauses> {
        if let Some(pauses) = self.recent() {
            return pauses;
        }
        let _reading = self.reading.lock().await;
        if let Some(pauses) = self.recent() {
            return pauses; // another delivery has read them
        }
        let now = Instant::now();
        let read = self.try_read(ledger).await;
        let mut known = self.lock();
        known.read_at = Some(now);
        if let Some(pauses) = read {
            known.pauses = Arc::new(pauses);
        }
        known.pauses.clone()
    }

    /// The pauses, if they were read in the last minute.
    fn recent(&self) -> Option<Arc<Pauses>> {
        let known = self.lock();
        let is_recent = known.read_at.is_some_and(|read_at| read_at.elapsed() < MAX_AGE);
        is_recent.then(|| known.pauses.clone())
    }

    async fn try_read(&self, ledger: &Ledger) -> Option<Pauses> {
        let error = match tokio::time::timeout(READ_TIMEOUT, self.read(ledger)).await {
            Ok(Ok(pauses)) => return Some(pauses),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no response within {} s", READ_TIMEOUT.as_secs()),
        };
        tracing::warn!(error, "paused services unknown; those known before apply");
        None
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{
        DynamoDbClient,
        stub::{Step, Stub, found},
    };

    fn paused(service: &str) -> Step {
        let pause = json!({"M": {"at": {"N": "1"}, "operator": {"S": "ada"}, "reason": {"S": "moved"}}});
        found(&json!({"services": {"M": {service: pause}}}))
    }

    fn known(pauses: &Pauses) -> Vec<String> {
        pauses.paused().map(|(service, _)| service.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn known_pauses_are_read_again_after_a_minute() {
        let stub = Stub::with([paused("one"), paused("two"), Step::Hang, paused("three")]);
        let (ledger, cache) = (stub.ledger(DynamoDbClient::Sdk), PauseCache::new(BTreeSet::new()));
        cache.prefetch(&ledger).await;
        assert_eq!(stub.take_sent().len(), 1);
        tokio::time::advance(Duration::from_millis(59_999)).await;
        assert_eq!(known(&*cache.current(&ledger).await), ["one"]);
        assert_eq!(stub.take_sent().len(), 0);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(known(&*cache.current(&ledger).await), ["two"]);
        assert_eq!(known(&*cache.current(&ledger).await), ["two"]);
        assert_eq!(stub.take_sent().len(), 1);
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(known(&*cache.current(&ledger).await), ["two"], "no response");
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(known(&*cache.current(&ledger).await), ["three"]);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_deliveries_wait_for_one_read() {
        let stub = Stub::with([paused("one"), Step::Hang]);
        let (ledger, cache) = (stub.ledger(DynamoDbClient::Sdk), PauseCache::new(BTreeSet::new()));
        cache.prefetch(&ledger).await;
        tokio::time::advance(MAX_AGE).await;
        let started = Instant::now();
        let delivery = async || (known(&*cache.current(&ledger).await), started.elapsed());
        let expected = (vec!["one".to_owned()], READ_TIMEOUT);
        assert_eq!(tokio::join!(delivery(), delivery()), (expected.clone(), expected));
        assert_eq!(stub.take_sent().len(), 2, "one read");
    }

    #[tokio::test]
    async fn registry_pauses_whatever_the_table_has() {
        let service: ServiceName = "two".parse().unwrap();
        let cache = PauseCache::new(BTreeSet::from([service.clone()]));
        let ledger = Stub::with([paused("one")]).ledger(DynamoDbClient::Sdk);
        let pauses = cache.current(&ledger).await;
        assert!(pauses.is_paused(&service) && pauses.is_paused(&"one".parse().unwrap()));
        let by_registry: Vec<_> = pauses.paused_by_registry().collect();
        assert_eq!((by_registry, pauses.iter().count()), (vec![&service], 1));
    }
}
