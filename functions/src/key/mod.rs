//! What a key is to this service. Pure: no I/O, and nothing of ours is imported.

mod crn;
mod id;
mod lifecycle;
mod time;
pub mod window;

pub use crn::{InstanceCrn, KeyCrn};
pub use id::{Alias, ClaimId, CorrelationId, InstanceId, KeyId, KeyName, KeyRing, Malformed, ServiceName};
pub use lifecycle::{KeyState, KeyType, KeyVersion, LifecycleAction, LifecycleEvent};
pub use time::EpochMillis;
