//! What a key is to this service. Pure: no I/O, and nothing of ours is imported.

mod time;

pub use time::EpochMillis;
