//! Assertions of tests about a service, and waits for callbacks.

use std::time::Duration;

use keysync::domain::KeyState;

use super::{Access, AssociatedService, NotifiedState, Received};
use keysync_emulator_support::assertion::{fail, wait};

impl AssociatedService {
    /// The callbacks about a key, oldest first.
    #[must_use]
    pub fn callbacks_of(&self, key: impl AsRef<str>) -> Vec<Received> {
        let mut callbacks = self.received();
        callbacks.retain(|received| received.json()["subject"] == key.as_ref());
        callbacks
    }

    /// Waits until the service has received `count` callbacks since the harness started. The
    /// callbacks of a sync precede its response. This wait is for callbacks of a redelivery or of a
    /// lifecycle event.
    ///
    /// # Panics
    ///
    /// If they have not arrived within the harness's wait timeout. The message lists the last
    /// requests of the harness.
    pub async fn wait_for(&self, count: usize) {
        let mut arrivals = self.arrivals();
        // This service owns the sender, so the channel is never closed.
        let arrived = async { drop(arrivals.wait_for(|arrived| *arrived >= count).await) };
        let expected = format!("{count} callbacks at {}", self.name());
        wait(arrived, expected, || self.arrivals().borrow().to_string(), self.journal()).await;
    }

    /// Waits until `enough` returns true, or for `timeout`, whichever is first; it never panics.
    /// Checks at each callback. For a test that decides itself what a timeout means.
    pub async fn arrived(&self, enough: impl Fn() -> bool, timeout: Duration) {
        // This service owns the sender, so the channel is never closed.
        let _ = tokio::time::timeout(timeout, self.arrivals().wait_for(|_| enough())).await;
    }

    /// Asserts that the service has received exactly `count` callbacks about a key.
    ///
    /// # Panics
    ///
    /// If not. The message lists the callbacks and the last requests of the harness.
    #[track_caller]
    pub fn assert_callbacks(&self, key: impl AsRef<str>, count: usize) {
        let key = key.as_ref();
        let callbacks = self.callbacks_of(key);
        if callbacks.len() != count {
            let expected = format!("{count} callbacks about key {key} at {}", self.name());
            fail(expected, list(&callbacks), self.journal());
        }
    }

    /// Asserts that the last notified state of a key, on which the service acted, is `state`.
    ///
    /// # Panics
    ///
    /// If not. The message lists the callbacks and the last requests of the harness.
    #[track_caller]
    pub fn assert_last_state(&self, key: impl AsRef<str>, state: KeyState) {
        let key = key.as_ref();
        let last_state = self.last_state(key).map(|last| last.key_state);
        if last_state != Some(state) {
            let expected = format!("{} was notified that key {key} is {state:?}", self.name());
            let known = last_state.map_or("no notified state".to_owned(), describe_state);
            fail(expected, format_args!("{known}, after {}", list(&self.callbacks_of(key))), self.journal());
        }
    }

    /// Asserts that a resource is accessible.
    ///
    /// # Panics
    ///
    /// If access is denied or the resource is unknown. The message lists the last requests of the
    /// harness.
    #[track_caller]
    pub fn assert_accessible(&self, resource: &str) {
        let expected = format!("{resource} of {} is accessible", self.name());
        match self.access(resource) {
            Some(Access::Allowed(_)) => {}
            Some(Access::Denied(state)) => {
                fail(expected, format_args!("denied: {}", reason(&state)), self.journal())
            }
            None => fail(expected, "unknown resource", self.journal()),
        }
    }

    /// Asserts that access to a resource is denied, by the last notified state of its key.
    ///
    /// # Panics
    ///
    /// If the resource is accessible or unknown. The message lists the last requests of the
    /// harness.
    #[track_caller]
    pub fn assert_denied(&self, resource: &str) {
        let expected = format!("{resource} of {} is denied", self.name());
        match self.access(resource) {
            Some(Access::Denied(_)) => {}
            Some(Access::Allowed(_)) => fail(expected, "accessible", self.journal()),
            None => fail(expected, "unknown resource", self.journal()),
        }
    }
}

fn reason(state: &NotifiedState) -> String {
    format!("{}, by the key's notification {}", describe_state(state.key_state), state.sequence)
}

fn describe_state(state: KeyState) -> String {
    format!("its key is {state:?}")
}

pub(super) fn list(callbacks: &[Received]) -> String {
    let mut lines = vec![format!("{} callbacks", callbacks.len())];
    lines.extend(callbacks.iter().map(|received| {
        let event = received.json();
        let (kind, sequence) = (&event["type"], &event["sequence"]);
        format!("{}  {kind} sequence {sequence}: {:?}", received.at, received.verdict)
    }));
    lines.join("\n")
}
