//! The order of a key's notifications.

use std::fmt;

/// The place of a notification among those of its key: each has a higher one than all before it.
///
/// Keep the highest one that you acted on with the key's state, in the same write, and ask [`Sequence::after`]
/// whether the next notification is news. ([`Latest`](crate::Latest) does both in memory.)
///
/// ```
/// use keysync_receiver::Sequence;
///
/// assert!(Sequence(8) > Sequence(7));
/// assert_eq!(Sequence(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// How a notification stands to what is known of its key.
///
/// ```
/// use keysync_receiver::Order;
///
/// assert!(Order::Newer.is_news());
/// assert!(!Order::Repeated.is_news() && !Order::Stale.is_news());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is news: act on it.
    Newer,
    /// It was acted on: answer 2xx, do nothing.
    Repeated,
    /// Something newer was acted on: answer 2xx, do nothing. To act would undo what is newer.
    Stale,
}

impl Order {
    /// Whether to act on it.
    ///
    /// ```
    /// use keysync_receiver::{Order, Sequence};
    ///
    /// assert_eq!(Sequence(7).after(Some(Sequence(7))).is_news(), false);
    /// ```
    #[must_use]
    pub const fn is_news(self) -> bool {
        matches!(self, Self::Newer)
    }
}

impl Sequence {
    /// How this one stands to the highest that is known of the key; `None` where nothing is known.
    ///
    /// ```
    /// use keysync_receiver::{Order, Sequence};
    ///
    /// assert_eq!(Sequence(7).after(None), Order::Newer);
    /// assert_eq!(Sequence(9).after(Some(Sequence(7))), Order::Newer); // 8 was replaced before it arrived
    /// assert_eq!(Sequence(7).after(Some(Sequence(7))), Order::Repeated);
    /// assert_eq!(Sequence(6).after(Some(Sequence(7))), Order::Stale);
    /// ```
    #[must_use]
    pub fn after(self, known: Option<Sequence>) -> Order {
        match known {
            Some(known) if self < known => Order::Stale,
            Some(known) if self == known => Order::Repeated,
            _ => Order::Newer,
        }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
