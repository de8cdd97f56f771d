//! The newest value of each key.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{Order, Sequence};

/// Default number of keys, about 20 MB.
const DEFAULT_CAPACITY: usize = 100_000;

/// The newest `T` of each key. Late notifications change nothing.
///
/// It holds one entry in memory for each key that protects your resources, and at most its
/// capacity: then it forgets the key whose value was stored longest ago. After that or a restart it
/// is empty and would accept an old notification as newer. If the state outlives the process, store
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
    capacity: usize,
    by_key: HashMap<Arc<str>, Entry<T>>,
    /// The same keys by `Entry::stored`.
    by_age: BTreeMap<u64, Arc<str>>,
    stored: u64,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    sequence: Sequence,
    value: T,
    /// The number of values stored before.
    stored: u64,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { capacity: DEFAULT_CAPACITY, by_key: HashMap::new(), by_age: BTreeMap::new(), stored: 0 }
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

    /// Sets the capacity in keys, at least 1. Use more than there are keys that protect your
    /// resources.
    ///
    /// ```
    /// use keysync_receiver::{Latest, Sequence};
    ///
    /// let mut latest = Latest::new().with_capacity(2);
    /// for key in ["a", "b", "c"] {
    ///     latest.offer(key, Sequence(1), ());
    /// }
    /// assert_eq!((latest.get("a"), latest.get("b")), (None, Some(&())));
    /// ```
    #[must_use]
    pub fn with_capacity(self, keys: usize) -> Self {
        Self { capacity: keys.max(1), ..self }
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
            self.store(key, sequence, value);
        }
        order
    }

    fn store(&mut self, key: &str, sequence: Sequence, value: T) {
        self.forget(key);
        while self.by_key.len() >= self.capacity {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_key.remove(&oldest);
        }
        let (key, stored): (Arc<str>, u64) = (key.into(), self.stored);
        self.stored += 1;
        self.by_age.insert(stored, Arc::clone(&key));
        self.by_key.insert(key, Entry { sequence, value, stored });
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
        self.by_key.get(key).map(|entry| &entry.value)
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
        self.by_key.get(key).map(|entry| entry.sequence)
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
        let entry = self.by_key.remove(key)?;
        self.by_age.remove(&entry.stored);
        Some(entry.value)
    }
}
