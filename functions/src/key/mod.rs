//! What a key is to this service. Pure: no I/O, and nothing of ours is imported.

mod crn;
mod id;
mod lifecycle;
mod notification;
mod time;
pub mod window;

pub(crate) use crn::is_word;
pub use crn::{InstanceCrn, KeyCrn, ResourceCrn};
pub use id::{Alias, CorrelationId, InstanceId, KeyId, KeyName, KeyRing, Malformed, ServiceName};
pub use lifecycle::{KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, LifecycleEvent};
pub use notification::{ClaimId, EventId, LeaseId};
pub use time::EpochMillis;
