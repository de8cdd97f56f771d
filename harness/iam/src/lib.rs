//! Emulator of IBM Cloud IAM: exchanges API keys for access tokens, publishes the keys that verify
//! them, and decides access by roles.
//!
//! Token verification shares no code with the sync function, so that a mistake on one side fails a
//! test on the other.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod directory;
mod error;
mod keys;
mod roles;
mod stored;
mod token;

use std::{sync::Arc, time::Duration};

use keysync::{Clock, domain::InstanceId};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

pub use directory::{Identity, Instance, Policy, Role};
pub use roles::Roles;
pub use stored::IamState;
pub use token::TokenBuilder;

use directory::Directory;
use keys::SigningKeys;

use keysync_emulator_support::{
    limits,
    secret_scanner::{Kind, KnownSecrets},
};

/// Issuer (`iss`) of access tokens.
///
/// ```
/// assert_eq!(keysync_iam_emulator::ISSUER, "https://iam.cloud.ibm.com/identity");
/// ```
pub const ISSUER: &str = "https://iam.cloud.ibm.com/identity";

/// Failure to generate or to use a signing key.
///
/// ```
/// println!("{}", keysync_iam_emulator::IamError);
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the cryptographic library failed to generate or use a signing key")]
pub struct IamError;

/// The emulated IAM. Clones share their state.
#[derive(Clone)]
pub struct Iam(Arc<Inner>);

struct Inner {
    clock: Clock,
    secrets: KnownSecrets,
    state: Mutex<State>,
}

struct State {
    directory: Directory,
    keys: SigningKeys,
    health: Health,
    /// `maxCacheAgeSeconds` of permits and denials from `/v2/authz`.
    permit_age: Duration,
    denial_age: Duration,
    /// Issuer (`iss`) of new tokens.
    issuer: String,
    /// Time by which the clock of new tokens is ahead.
    ahead: Duration,
}

impl State {
    fn new(keys: SigningKeys) -> Self {
        Self {
            directory: Directory::default(),
            keys,
            health: Health::Up,
            permit_age: Duration::from_mins(10),
            denial_age: Duration::from_mins(1),
            issuer: ISSUER.to_owned(),
            ahead: Duration::ZERO,
        }
    }
}

/// Availability of IAM, for fault injection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Health {
    /// IAM responds normally.
    #[default]
    Up,
    /// IAM responds to every request with 503.
    Down,
    /// IAM responds normally after this delay.
    Slow {
        /// Delay in milliseconds, at most one hour.
        #[serde(deserialize_with = "limits::millis")]
        #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 3_600_000))]
        millis: u64,
    },
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// IAM ID of the caller.
    pub iam_id: String,
    /// Account of the caller.
    pub account: String,
}

/// An invalid token. The reason is not reported, so that a caller learns nothing from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

impl Iam {
    /// Creates an IAM without identities, with a new signing key.
    pub fn new(clock: Clock, secrets: KnownSecrets) -> Result<Self, IamError> {
        let state = State::new(SigningKeys::generate()?);
        Ok(Self(Arc::new(Inner { clock, secrets, state: Mutex::new(state) })))
    }

    /// Removes all identities, instances, policies and faults. The signing keys stay.
    pub fn reset(&self) {
        let mut state = self.state();
        let keys = state.keys.clone();
        *state = State::new(keys);
    }

    /// The router of the HTTP API.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// Adds an instance, or replaces the one with its ID.
    pub fn add_instance(&self, instance: Instance) {
        self.state().directory.add_instance(instance);
    }

    /// Adds an identity with an API key, or replaces the one with its IAM ID.
    pub fn add_identity(&self, identity: Identity) {
        self.0.secrets.add(Kind::ApiKey, &identity.api_key);
        self.state().directory.add_identity(identity);
    }

    /// Attaches an access policy: a role on all resources with these attributes.
    pub fn attach_policy(&self, policy: Policy) {
        self.state().directory.attach_policy(policy);
    }

    /// Grants a role in an existing instance: attaches a policy on this instance, in the account
    /// that owns it.
    pub fn grant(&self, iam_id: &str, instance: InstanceId, role: Role) {
        self.state().directory.grant(iam_id, instance, role);
    }

    /// Revokes all roles of an identity in an instance.
    pub fn revoke(&self, iam_id: &str, instance: InstanceId) {
        self.state().directory.revoke(iam_id, instance);
    }

    /// Finds an instance by its ID.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<Instance> {
        self.state().directory.instance(id).cloned()
    }

    /// Sets the availability of IAM.
    pub fn set_health(&self, health: Health) {
        self.state().health = health;
    }

    /// Sets how long callers may cache permits and denials.
    pub fn set_cache_ages(&self, permits: Duration, denials: Duration) {
        let mut state = self.state();
        (state.permit_age, state.denial_age) = (permits, denials);
    }

    /// Sets the issuer (`iss`) of new tokens, such as that of another IAM.
    pub fn set_issuer(&self, issuer: &str) {
        issuer.clone_into(&mut self.state().issuer);
    }

    /// Issues new tokens by a clock that is this much ahead.
    pub fn set_clock_ahead(&self, by: Duration) {
        self.state().ahead = by;
    }

    /// Signs new tokens with a new key. The old key stays published.
    pub fn rotate_key(&self) -> Result<(), IamError> {
        self.state().keys.rotate()
    }

    /// Publishes only the current signing key.
    pub fn withdraw_old_keys(&self) {
        self.state().keys.withdraw_old();
    }

    /// Builds a token for an identity. It is valid for one hour unless the builder changes that.
    #[must_use]
    pub fn token(&self, iam_id: &str) -> TokenBuilder {
        TokenBuilder::new(self.clone(), iam_id, self.0.clock.now())
    }

    /// Signs this header and these claims byte for byte, for tokens that [`Iam::token`] cannot
    /// build, such as one with a duplicate claim or with invalid JSON.
    pub fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> Result<String, IamError> {
        token::signed(self, header.as_ref(), claims.as_ref(), None)
    }

    /// Verifies the signature, the issuer and the expiry of a token.
    pub fn authenticate(&self, token: &str) -> Result<Principal, InvalidToken> {
        token::verify(token, &self.state().keys, self.0.clock.now())
    }

    /// Whether `principal` may perform `action` in `instance`.
    #[must_use]
    pub fn permits(&self, principal: &Principal, action: &str, instance: InstanceId) -> bool {
        let state = self.state();
        let resource = state.directory.instance(instance).map(Instance::parsed_crn);
        resource.is_some_and(|resource| state.directory.permits(principal, action, &resource))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

impl std::fmt::Debug for Iam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Iam")
    }
}
