//! The newest that is known of each key.

use std::collections::HashMap;

use crate::{Order, Sequence};

/// The newest `T` of each key: what comes late changes nothing.
///
/// In memory, one entry for each key that you have resources under. After a restart it knows nothing, and would take an old
/// notification for news. So where what you do with it outlives the process, keep the sequence beside it in your
/// database, written in one go with it, and compare with [`Sequence::after`].
///
/// ```
/// use keysync_receiver::{KeyState, Latest, Order, Sequence};
///
/// let mut states = Latest::new();
/// assert_eq!(states.offer("key", Sequence(8), KeyState::Destroyed), Order::Newer);
/// // Sent before the key was deleted, and held up on its way.
/// assert_eq!(states.offer("key", Sequence(7), KeyState::Active), Order::Stale);
/// assert_eq!(states.get("key"), Some(&KeyState::Destroyed));
/// ```
#[derive(Clone, Debug)]
pub struct Latest<T> {
    by_key: HashMap<String, (Sequence, T)>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<T> Latest<T> {
    /// Knows nothing yet.
    ///
    /// ```
    /// assert!(keysync_receiver::Latest::<u8>::new().get("key").is_none());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `value` where it is [newer](Order::Newer) than what is known of the key, and says whether it is.
    ///
    /// ```
    /// use keysync_receiver::{Latest, Order, Sequence};
    ///
    /// let mut latest = Latest::new();
    /// assert_eq!(latest.offer("key", Sequence(1), "first"), Order::Newer);
    /// assert_eq!(latest.offer("key", Sequence(1), "again"), Order::Repeated);
    /// assert_eq!(latest.get("key"), Some(&"first"));
    /// ```
    pub fn offer(&mut self, key: &str, sequence: Sequence, value: T) -> Order {
        let order = sequence.after(self.sequence(key));
        if order.is_news() {
            self.by_key.insert(key.to_owned(), (sequence, value));
        }
        order
    }

    /// The newest that is known of a key.
    ///
    /// ```
    /// use keysync_receiver::{Latest, Sequence};
    ///
    /// let mut latest = Latest::new();
    /// latest.offer("key", Sequence(1), "active");
    /// assert_eq!(latest.get("key"), Some(&"active"));
    /// assert_eq!(latest.get("another"), None);
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.by_key.get(key).map(|(_, value)| value)
    }

    /// The place of that among the key's notifications.
    ///
    /// ```
    /// use keysync_receiver::{Latest, Sequence};
    ///
    /// let mut latest = Latest::new();
    /// latest.offer("key", Sequence(4), ());
    /// assert_eq!(latest.sequence("key"), Some(Sequence(4)));
    /// ```
    #[must_use]
    pub fn sequence(&self, key: &str) -> Option<Sequence> {
        self.by_key.get(key).map(|(sequence, _)| *sequence)
    }

    /// Forgets a key, for when your last resource under it is gone.
    ///
    /// ```
    /// use keysync_receiver::{Latest, Sequence};
    ///
    /// let mut latest = Latest::new();
    /// latest.offer("key", Sequence(4), "active");
    /// assert_eq!(latest.forget("key"), Some("active"));
    /// assert_eq!(latest.get("key"), None);
    /// ```
    pub fn forget(&mut self, key: &str) -> Option<T> {
        self.by_key.remove(key).map(|(_, value)| value)
    }
}
