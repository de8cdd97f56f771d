//! Actions on a key.

mod deletion;
mod legacy;
mod lifecycle;
mod rotate;
mod wrapping;

pub(super) use deletion::{delete, purge, set_for_deletion, unset_for_deletion};
pub(super) use legacy::act;
pub(super) use lifecycle::{disable, enable, restore};
pub(super) use rotate::rotate;
pub(super) use wrapping::{rewrap, unwrap, wrap};
