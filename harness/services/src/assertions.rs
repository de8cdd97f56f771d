//! What a test asserts of a service, and how it waits for one.

use std::time::Duration;

use keysync::domain::KeyState;
use tokio::time::timeout;

use super::{AssociatedService, NotifiedState, Received};
use keysync_emulator_support::assertion::{PATIENCE, fail};

impl AssociatedService {
    /// The callbacks about a key that reached it, oldest first.
    #[must_use]
    pub fn callbacks_of(&self, key: impl AsRef<str>) -> Vec<Received> {
        let mut callbacks = self.received();
        callbacks.retain(|received| received.event()["subject"] == key.as_ref());
        callbacks
    }

    /// Waits until `count` callbacks have reached it since the harness started. Callbacks of a sync have
    /// arrived when its 204 has; this is for those that come later, or by themselves.
    ///
    /// # Panics
    ///
    /// If they have not after 30 s, with the harness's last requests.
    pub async fn wait_for(&self, count: usize) {
        let arrivals = self.arrivals();
        self.arrived(|| *arrivals.borrow() >= count, PATIENCE).await;
        let arrived = *arrivals.borrow();
        if arrived < count {
            let expected = format!("{count} callbacks at {} within {} s", self.name(), PATIENCE.as_secs());
            fail(expected, arrived, self.journal());
        }
    }

    /// Waits until enough callbacks have reached it, or the time is over.
    pub async fn arrived(&self, enough: impl Fn() -> bool, limit: Duration) {
        // The sender lives as long as this service, so the channel is never closed.
        let _ = timeout(limit, self.arrivals().wait_for(|_| enough())).await;
    }

    /// Passes if exactly `count` callbacks about a key have reached it.
    ///
    /// # Panics
    ///
    /// If not, with those that came and the harness's last requests.
    #[track_caller]
    pub fn assert_callbacks(&self, key: impl AsRef<str>, count: usize) {
        let key = key.as_ref();
        let callbacks = self.callbacks_of(key);
        if callbacks.len() != count {
            let expected = format!("{count} callbacks about key {key} at {}", self.name());
            fail(expected, listed(&callbacks), self.journal());
        }
    }

    /// Passes if the last that it was told of a key, and acted on, is this state.
    ///
    /// # Panics
    ///
    /// If not, with what it was told and the harness's last requests.
    #[track_caller]
    pub fn assert_last_state(&self, key: impl AsRef<str>, state: KeyState) {
        let key = key.as_ref();
        let told = self.last_state(key).map(|told| told.key_state);
        if told != Some(u8::from(state)) {
            let expected = format!("{} knows that key {key} is {state:?}", self.name());
            let known = told.map_or("it was told nothing".to_owned(), named);
            fail(
                expected,
                format_args!("{known}, after {}", listed(&self.callbacks_of(key))),
                self.journal(),
            );
        }
    }

    /// Passes if a resource opens.
    ///
    /// # Panics
    ///
    /// If it does not, or is not there, with the harness's last requests.
    #[track_caller]
    pub fn assert_accessible(&self, resource: &str) {
        let expected = format!("{resource} of {} opens", self.name());
        match self.opens(resource) {
            Some(Ok(_)) => {}
            Some(Err(told)) => fail(expected, format_args!("it refuses: {}", why(&told)), self.journal()),
            None => fail(expected, "there is no such resource", self.journal()),
        }
    }

    /// Passes if a resource refuses to open, by the state of its key that its service was last told.
    ///
    /// # Panics
    ///
    /// If it opens, or is not there, with the harness's last requests.
    #[track_caller]
    pub fn assert_denied(&self, resource: &str) {
        let expected = format!("{resource} of {} refuses", self.name());
        match self.opens(resource) {
            Some(Err(_)) => {}
            Some(Ok(_)) => fail(expected, "it opens", self.journal()),
            None => fail(expected, "there is no such resource", self.journal()),
        }
    }
}

fn why(told: &NotifiedState) -> String {
    format!("{}, by the key's notification {}", named(told.key_state), told.sequence)
}

fn named(state: u8) -> String {
    KeyState::try_from(state).map_or_else(|error| error, |state| format!("its key is {state:?}"))
}

fn listed(callbacks: &[Received]) -> String {
    let mut lines = vec![format!("{} callbacks", callbacks.len())];
    lines.extend(callbacks.iter().map(|received| {
        let event = received.event();
        let (kind, sequence) = (&event["type"], &event["sequence"]);
        format!("{}  {kind} sequence {sequence}, which it {:?}", received.at, received.verdict)
    }));
    lines.join("\n")
}
