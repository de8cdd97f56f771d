//! keysync: the "synchronize associated resources" API of a key-management service.

pub mod clock;
pub mod key;

pub use clock::Clock;
