//! Random numbers, for seeds.

use std::hash::{BuildHasher, RandomState};

/// A random number below `limit`.
pub(crate) fn below(limit: u64) -> u64 {
    // Each state has its own random keys.
    RandomState::new().hash_one(0) % limit
}
