//! The state of a service in a snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AssociatedService, NotifiedState, Protected, Received, plan::Plan, service::State};

/// What a service has in a snapshot: all of its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceState {
    /// Resources by name.
    resources: BTreeMap<String, Protected>,
    /// Last notified state of each key on which the service acted, by key ID.
    last_states: BTreeMap<String, NotifiedState>,
    /// Recorded callbacks, oldest first.
    callbacks: Vec<StoredCallback>,
    /// Planned behaviours.
    behaviours: Plan,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct StoredCallback {
    /// The place among all steps that the journal has numbered.
    number: u64,
    #[serde(flatten)]
    received: Received,
}

impl AssociatedService {
    /// All state of the service.
    #[must_use]
    pub fn state_to_store(&self) -> ServiceState {
        let State { resources, last_states, received, plan } = &*self.state();
        let callback =
            |received: &Received| StoredCallback { number: received.number, received: received.clone() };
        ServiceState {
            resources: resources.clone(),
            last_states: last_states.clone(),
            callbacks: received.iter().map(callback).collect(),
            behaviours: plan.clone(),
        }
    }

    /// Replaces all state of the service.
    pub fn restore_state(&self, stored: ServiceState) {
        let ServiceState { resources, last_states, callbacks, behaviours } = stored;
        if let Some(last) = callbacks.last() {
            self.journal().continue_after(last.number);
        }
        let received =
            callbacks.into_iter().map(|StoredCallback { number, received }| Received { number, ..received });
        *self.state() = State { resources, last_states, received: received.collect(), plan: behaviours };
    }
}
