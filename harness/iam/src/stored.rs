//! The state of IAM in a snapshot.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Health, Iam, Identity, Instance, Policy, State};

/// What IAM has in a snapshot: all but its signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IamState {
    instances: Vec<Instance>,
    /// Identities with their API keys.
    identities: Vec<Identity>,
    policies: Vec<Policy>,
    /// IDs (`kid`) of the published signing keys, the current one first.
    published_keys: Vec<String>,
    health: Health,
    /// Issuer (`iss`) of new tokens.
    issuer: String,
    /// Milliseconds by which the clock of new tokens is ahead.
    ahead_millis: u64,
    /// Seconds for which callers may cache a permit.
    permit_age_secs: u64,
    /// Seconds for which callers may cache a denial.
    denial_age_secs: u64,
}

impl Iam {
    /// All state but the signing keys. Only identities that `is_stored` selects are in it.
    #[must_use]
    pub fn state_to_store(&self, is_stored: impl Fn(&Identity) -> bool) -> IamState {
        let State { directory, keys, health, permit_age, denial_age, issuer, ahead } = &*self.state();
        let identities = directory.identities.values().filter(|identity| is_stored(identity));
        IamState {
            instances: directory.instances.values().cloned().collect(),
            identities: identities.cloned().collect(),
            policies: directory.policies.iter().cloned().collect(),
            published_keys: keys.published_ids(),
            health: *health,
            issuer: issuer.clone(),
            ahead_millis: u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX),
            permit_age_secs: permit_age.as_secs(),
            denial_age_secs: denial_age.as_secs(),
        }
    }

    /// Replaces all state. The present identities and signing keys stay; of the keys, those that
    /// were published are published again if this IAM has generated them.
    pub fn restore_state(&self, stored: IamState) {
        let mut state = self.state();
        state.directory.instances.clear();
        state.directory.policies = stored.policies.into_iter().collect();
        state.keys.publish(&stored.published_keys);
        state.health = stored.health;
        state.issuer = stored.issuer;
        state.ahead = Duration::from_millis(stored.ahead_millis);
        state.permit_age = Duration::from_secs(stored.permit_age_secs);
        state.denial_age = Duration::from_secs(stored.denial_age_secs);
        drop(state);
        stored.instances.into_iter().for_each(|instance| self.add_instance(instance));
        stored.identities.into_iter().for_each(|identity| self.add_identity(identity));
    }
}
