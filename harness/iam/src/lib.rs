//! IAM, emulated: API keys become tokens, tokens are verified by published keys, roles decide.
//!
//! Written from contract section 3 with primitives of its own, sharing no code with the function's
//! verification, so that a mistake on one side shows on the other.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod directory;
mod error;
mod keys;
mod roles;
mod token;

use std::{sync::Arc, time::Duration};

use keysync::{Clock, domain::InstanceId};
use parking_lot::{Mutex, MutexGuard};

pub use directory::{Identity, Instance, Policy, Role};
pub use roles::Roles;
pub use token::TokenBuilder;

use directory::Directory;
use keys::SigningKeys;

use keysync_emulator_support::secret_scanner::{Kind, KnownSecrets};

/// The issuer of tokens.
///
/// ```
/// assert_eq!(keysync_iam_emulator::ISSUER, "https://iam.cloud.ibm.com/identity");
/// ```
pub const ISSUER: &str = "https://iam.cloud.ibm.com/identity";

/// IAM could not make its keys.
///
/// ```
/// println!("{}", keysync_iam_emulator::IamError);
/// ```
#[derive(Debug, thiserror::Error)]
#[error("no signing key could be made: the machine gave no randomness")]
pub struct IamError;

/// IAM. Clones are the same one.
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
    /// For how long answers of `/v2/authz` may be cached.
    permit_age: Duration,
    denial_age: Duration,
    /// Who tokens say that they are from.
    issuer: String,
    /// How far the clock that tokens are made by is ahead.
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

/// How IAM answers, if at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// As it should.
    #[default]
    Up,
    /// With 503, whatever is asked.
    Down,
    /// As it should, this much later.
    Slow(Duration),
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The IAM id.
    pub iam_id: String,
    /// The account that they act in.
    pub account: String,
}

/// A token is not valid. Whatever is wrong with it, this is all that a caller learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

impl Iam {
    /// An IAM that knows nobody, with a signing key of its own.
    pub fn new(clock: Clock, secrets: KnownSecrets) -> Result<Self, IamError> {
        let state = State::new(SigningKeys::generate()?);
        Ok(Self(Arc::new(Inner { clock, secrets, state: Mutex::new(state) })))
    }

    /// Knows nobody again, and answers as it should. Its signing keys stay.
    pub fn reset(&self) {
        let mut state = self.state();
        let keys = state.keys.clone();
        *state = State::new(keys);
    }

    /// Its HTTP API.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// Adds an instance, or changes it.
    pub fn add_instance(&self, instance: Instance) {
        self.state().directory.add_instance(instance);
    }

    /// Adds somebody with an API key.
    pub fn add_identity(&self, identity: Identity) {
        self.0.secrets.add(Kind::ApiKey, &identity.api_key);
        self.state().directory.add_identity(identity);
    }

    /// Attaches an access policy: a role on all resources with these attributes.
    pub fn attach_policy(&self, policy: Policy) {
        self.state().directory.attach_policy(policy);
    }

    /// Gives somebody a role in an instance that exists: a policy on this instance, in the account that owns it.
    pub fn grant(&self, iam_id: &str, instance: InstanceId, role: Role) {
        self.state().directory.grant(iam_id, instance, role);
    }

    /// Takes all roles in an instance from somebody.
    pub fn revoke(&self, iam_id: &str, instance: InstanceId) {
        self.state().directory.revoke(iam_id, instance);
    }

    /// An instance.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<Instance> {
        self.state().directory.instance(id).cloned()
    }

    /// How IAM answers from now on.
    pub fn set_health(&self, health: Health) {
        self.state().health = health;
    }

    /// For how long decisions may be cached from now on.
    pub fn set_cache_ages(&self, permits: Duration, denials: Duration) {
        let mut state = self.state();
        (state.permit_age, state.denial_age) = (permits, denials);
    }

    /// Says in tokens from now on that they are from `issuer`, as an IAM does that is not the one meant.
    pub fn set_issuer(&self, issuer: &str) {
        issuer.clone_into(&mut self.state().issuer);
    }

    /// Makes tokens from now on by a clock that is so far ahead: they are from the future.
    pub fn set_clock_ahead(&self, by: Duration) {
        self.state().ahead = by;
    }

    /// Signs with a new key from now on; the old one stays published.
    pub fn rotate_key(&self) -> Result<(), IamError> {
        self.state().keys.rotate()
    }

    /// Publishes only the key that signs.
    pub fn withdraw_old_keys(&self) {
        self.state().keys.withdraw_old();
    }

    /// A token for somebody, valid for an hour unless the builder is told otherwise.
    #[must_use]
    pub fn token(&self, iam_id: &str) -> TokenBuilder {
        TokenBuilder::new(self.clone(), iam_id, self.0.clock.now())
    }

    /// A token of this header and these claims to the letter, properly signed: for what [`Iam::token`] cannot
    /// say, such as the same claim twice, or what is no JSON at all.
    pub fn signed(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> Result<String, IamError> {
        token::signed(self, header.as_ref(), claims.as_ref(), None)
    }

    /// Verifies a token.
    pub fn authenticate(&self, token: &str) -> Result<Principal, InvalidToken> {
        token::verify(token, &self.state().keys, self.0.clock.now())
    }

    /// Whether somebody may do `action` in `instance`.
    #[must_use]
    pub fn permits(&self, who: &Principal, action: &str, instance: InstanceId) -> bool {
        let state = self.state();
        let resource = state.directory.instance(instance).map(Instance::parsed_crn);
        resource.is_some_and(|resource| state.directory.permits(who, action, &resource))
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
