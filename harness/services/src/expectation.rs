//! Expectations about callbacks, which are verified when they are dropped.

use std::panic::Location;

use super::{AssociatedService, Received, assertions::list};
use keysync_emulator_support::assertion::{fail, wait};

/// An expectation of [`AssociatedService::expect_callbacks`]. It is verified when it is dropped, at
/// the end of its scope at the latest.
///
/// # Panics
///
/// When it is dropped, if the service has received another number of callbacks. The message has the
/// place of the expectation, and lists the callbacks and the last requests of the harness.
#[derive(Debug)]
#[must_use = "an expectation is verified when it is dropped: bind it to a variable for the rest of the test"]
pub struct CallbackExpectation {
    service: AssociatedService,
    key: String,
    count: usize,
    /// The number of callbacks before the expectation.
    earlier: usize,
    place: &'static Location<'static>,
}

impl AssociatedService {
    /// Expects that the service receives exactly `count` callbacks about a key from now until the
    /// expectation is dropped. Callbacks that [`AssociatedService::take_received`] or a reset
    /// removes in the meantime do not count.
    #[track_caller]
    pub fn expect_callbacks(&self, key: impl AsRef<str>, count: usize) -> CallbackExpectation {
        let key = key.as_ref().to_owned();
        let (service, earlier) = (self.clone(), self.callbacks_of(&key).len());
        CallbackExpectation { service, key, count, earlier, place: Location::caller() }
    }
}

impl CallbackExpectation {
    /// Waits until the service has received the expected number of callbacks, or more. The
    /// callbacks of a sync precede its response. This wait is for callbacks of a redelivery or of a
    /// lifecycle event.
    ///
    /// # Panics
    ///
    /// If they have not arrived within the harness's wait timeout. The message lists the callbacks
    /// and the last requests of the harness.
    pub async fn wait_until_satisfied(&self) {
        let mut arrivals = self.service.arrivals();
        // The service owns the sender, so the channel is never closed.
        let arrived = async { drop(arrivals.wait_for(|_| self.received().len() >= self.count).await) };
        wait(arrived, self, || list(&self.received()), self.service.journal()).await;
    }

    /// The callbacks since the expectation.
    fn received(&self) -> Vec<Received> {
        self.service.callbacks_of(&self.key).into_iter().skip(self.earlier).collect()
    }
}

impl std::fmt::Display for CallbackExpectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, key, count, place, .. } = self;
        write!(f, "{count} callbacks about key {key} at {}, as {place} expects", service.name())
    }
}

impl Drop for CallbackExpectation {
    fn drop(&mut self) {
        let received = self.received();
        // A test that has already failed reports its first failure only.
        if received.len() != self.count && !std::thread::panicking() {
            fail(&*self, list(&received), self.service.journal());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use axum::body::Bytes;
    use http::HeaderMap;
    use keysync::{Clock, domain::EpochMillis};
    use keysync_emulator_support::journal::Journal;

    use super::*;
    use crate::Verdict;

    const KEY: &str = "2291e4ae-a14c-4af9-88f0-27c0cb2739e2";

    fn service() -> AssociatedService {
        AssociatedService::new("a-service", Journal::new(Clock::system()))
    }

    fn receive(service: &AssociatedService, key: &str) {
        let body = format!(r#"{{"type":"com.ibm.cloud.kms.key.rotate","subject":"{key}","sequence":1}}"#);
        let (headers, body) = (HeaderMap::new(), Bytes::from(body));
        service.record(Received {
            number: 0,
            at: EpochMillis::new(0),
            headers,
            body,
            verdict: Verdict::Acted,
        });
    }

    #[test]
    fn expectation_counts_later_callbacks_of_its_key() {
        let service = service();
        receive(&service, KEY);
        let expectation = service.expect_callbacks(KEY, 1);
        receive(&service, KEY);
        receive(&service, "another-key");
        drop(expectation);
    }

    #[test]
    fn unmet_expectation_fails_when_dropped() {
        let service = service();
        let expectation = service.expect_callbacks(KEY, 2);
        receive(&service, KEY);
        let failed = catch_unwind(AssertUnwindSafe(|| drop(expectation))).unwrap_err();
        let text = failed.downcast_ref::<String>().unwrap();
        assert!(text.contains(&format!("expected: 2 callbacks about key {KEY} at a-service, as ")), "{text}");
        assert!(text.contains("expectation.rs:"), "names the place of the expectation: {text}");
        assert!(text.contains("got: 1 callbacks\n") && text.contains("kms.key.rotate"), "{text}");
        assert!(text.contains("no requests"), "has the journal: {text}");
    }

    #[test]
    fn failed_test_keeps_its_first_failure() {
        let failed = catch_unwind(|| {
            let _expectation = service().expect_callbacks(KEY, 1);
            panic!("the first failure");
        });
        assert_eq!(failed.unwrap_err().downcast_ref::<&str>(), Some(&"the first failure"));
    }

    #[tokio::test]
    async fn expectation_waits_for_callbacks() {
        let service = service();
        let expectation = service.expect_callbacks(KEY, 1);
        tokio::join!(expectation.wait_until_satisfied(), async { receive(&service, KEY) });
    }
}
