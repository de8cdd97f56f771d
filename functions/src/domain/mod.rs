//! Domain types: ids, CRNs, key states, callers, the rules of the window and the deadline. No I/O;
//! imports no other module of this crate.

mod caller;
mod crn;
pub mod deadline;
mod id;
mod lifecycle;
mod notification;
mod reported_state;
mod time;
pub mod window;

pub use caller::Caller;
pub(crate) use crn::is_word;
pub use crn::{InstanceCrn, KeyCrn, ResourceCrn};
pub use id::{Alias, CorrelationId, InstanceId, KeyId, KeyName, KeyRing, Malformed, ServiceName};
pub use lifecycle::{KeyFacts, KeyState, KeyType, KeyVersion, LifecycleAction, LifecycleEvent};
pub use notification::{ClaimId, EventId, LeaseId};
pub use time::{EpochMillis, WholeSeconds};
