//! The order of a key's notifications.

use std::fmt;

/// The sequence number of a notification, which increases with each notification of a key.
///
/// Store the highest sequence that you acted on together with the key's state, and use
/// [`Sequence::after`] to check whether a notification is newer. ([`Latest`](crate::Latest) does
/// both in memory.)
///
/// ```
/// use keysync_receiver::Sequence;
///
/// assert!(Sequence(8) > Sequence(7));
/// assert_eq!(Sequence(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// The order of a notification relative to the newest one of its key.
///
/// ```
/// use keysync_receiver::Order;
///
/// assert!(Order::Newer.is_newer());
/// assert!(!Order::Repeated.is_newer() && !Order::Stale.is_newer());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Newer: act on it.
    Newer,
    /// The same: respond with 2xx and do nothing.
    Repeated,
    /// Older: respond with 2xx and do nothing. Acting on it would undo the newer one.
    Stale,
}

impl Order {
    /// Whether to act on the notification.
    ///
    /// ```
    /// use keysync_receiver::{Order, Sequence};
    ///
    /// assert_eq!(Sequence(7).after(Some(Sequence(7))).is_newer(), false);
    /// ```
    #[must_use]
    pub const fn is_newer(self) -> bool {
        matches!(self, Self::Newer)
    }
}

impl Sequence {
    /// The order of this sequence relative to the highest known one of the key, which is `None` for
    /// a new key.
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
