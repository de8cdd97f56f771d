//! The newest value of each key.

use std::collections::HashMap;

use crate::{Order, Sequence};

/// The newest `T` of each key. Late notifications change nothing.
///
/// It holds one entry in memory for each key that protects your resources. After a restart it is
/// empty and would accept an old notification as newer. If the state outlives the process, store
/// the sequence with it in your database, in the same transaction, and compare with
/// [`Sequence::after`].
///
/// ```
/// use keysync_receiver::{KeyState, Latest, Order, Sequence};
///
/// let mut states = Latest::new();
/// assert_eq!(states.offer("key", Sequence(8), KeyState::Destroyed), Order::Newer);
/// // Sent before the key was deleted, and delayed.
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
    /// An empty `Latest`.
    ///
    /// ```
    /// assert!(keysync_receiver::Latest::<u8>::new().get("key").is_none());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores `value` if it is [newer](Order::Newer) than the stored value of the key. Returns the
    /// order.
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
        if order.is_newer() {
            self.by_key.insert(key.to_owned(), (sequence, value));
        }
        order
    }

    /// The newest value of a key.
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

    /// The sequence of the newest value of a key.
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

    /// Removes a key, for example when your last resource under it is deleted.
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
