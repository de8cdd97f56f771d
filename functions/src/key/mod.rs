//! What a key is to this service. Pure: no I/O, and nothing of ours is imported.

mod crn;
mod id;
mod lifecycle;
mod time;
pub mod window;

pub use crn::{InstanceCrn, KeyCrn, ResourceCrn};
pub use id::{
    Alias, ClaimId, CorrelationId, EventId, InstanceId, KeyId, KeyName, KeyRing, LeaseId, Malformed,
    ServiceName,
};
pub use lifecycle::{KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, LifecycleEvent};
pub use time::EpochMillis;
