//! Who exists, and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use keysync::key::InstanceId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Principal;

/// Somebody with an API key.
///
/// ```no_run
/// # fn example(harness: &keysync_harness::Harness) {
/// use keysync_harness::iam::Identity;
/// let (iam_id, account) = ("IBMid-somebody".to_owned(), harness.account().to_owned());
/// harness.iam().add_identity(Identity { iam_id, account, api_key: "made up".to_owned() });
/// # }
/// ```
#[derive(Clone)]
pub struct Identity {
    /// `IBMid-…` for people, `iam-ServiceId-…` for programs.
    pub iam_id: String,
    /// The account that they act in.
    pub account: String,
    /// A secret.
    pub api_key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({}, an API key that is not shown)", self.iam_id)
    }
}

/// A service instance.
///
/// ```no_run
/// # fn example(harness: &keysync_harness::Harness) {
/// let instance = harness.iam().instance(harness.instance()).unwrap();
/// assert_eq!(instance.region, "us-south");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The account that owns it.
    pub account: String,
    /// Its region, such as `us-south`.
    pub region: String,
    /// Its name, for people.
    pub name: String,
}

impl Instance {
    /// Its CRN.
    ///
    /// ```no_run
    /// # fn example(harness: &keysync_harness::Harness) {
    /// let instance = harness.iam().instance(harness.instance()).unwrap();
    /// assert!(instance.crn().starts_with("crn:v1:bluemix:public:hs-crypto:us-south:a/"));
    /// # }
    /// ```
    #[must_use]
    pub fn crn(&self) -> String {
        let Self { id, account, region, .. } = self;
        format!("crn:v1:bluemix:public:hs-crypto:{region}:a/{account}:{id}::")
    }
}

/// A service role of the key-management service.
///
/// ```no_run
/// # fn example(harness: &keysync_harness::Harness) {
/// use keysync_harness::iam::Role;
/// harness.iam().grant("IBMid-somebody", harness.instance(), Role::Writer);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees keys and registrations, without keys' material.
    Reader,
    /// Sees material, too.
    ReaderPlus,
    /// Makes, rotates and synchronizes keys.
    Writer,
    /// Does everything but purge.
    Manager,
    /// Purges keys.
    KeyPurge,
}

impl Role {
    /// The documented actions. Registrations are written, and events acknowledged, by services: this IAM
    /// does not know services from people, so it takes a manager.
    fn allows(self, action: &str) -> bool {
        match action {
            "kms.secrets.list"
            | "kms.secrets.head"
            | "kms.secrets.readmetadata"
            | "kms.secrets.wrap"
            | "kms.secrets.unwrap"
            | "kms.secrets.rewrap"
            | "kms.secrets-key-versions.list"
            | "kms.key-rings.list"
            | "kms.registrations.list" => self != Self::KeyPurge,
            "kms.secrets.read" => matches!(self, Self::ReaderPlus | Self::Writer | Self::Manager),
            "kms.secrets.create"
            | "kms.secrets.rotate"
            | "kms.secrets.sync"
            | "kms.secrets.setkeyfordeletion"
            | "kms.secrets.unsetkeyfordeletion"
            | "kms.secrets-alias.create"
            | "kms.secrets-alias.delete"
            | "kms.key-rings.create"
            | "kms.import-token.create"
            | "kms.import-token.read" => matches!(self, Self::Writer | Self::Manager),
            "kms.secrets.delete"
            | "kms.secrets.restore"
            | "kms.secrets.enable"
            | "kms.secrets.disable"
            | "kms.secrets.patch"
            | "kms.secrets-event.ack"
            | "kms.key-rings.delete"
            | "kms.policies.read"
            | "kms.policies.write"
            | "kms.instance-policies.read"
            | "kms.instance-policies.write"
            | "kms.registrations.create"
            | "kms.registrations.merge"
            | "kms.registrations.write"
            | "kms.registrations.delete" => self == Self::Manager,
            "kms.secrets.purge" => self == Self::KeyPurge,
            _ => false,
        }
    }
}

/// Accounts, instances, identities and grants.
#[derive(Default)]
pub(super) struct Directory {
    instances: BTreeMap<InstanceId, Instance>,
    identities: BTreeMap<String, Identity>,
    grants: BTreeSet<(String, InstanceId, Role)>,
}

impl Directory {
    pub(super) fn add_instance(&mut self, instance: Instance) {
        self.instances.insert(instance.id, instance);
    }

    pub(super) fn add_identity(&mut self, identity: Identity) {
        self.identities.insert(identity.iam_id.clone(), identity);
    }

    pub(super) fn grant(&mut self, iam_id: &str, instance: InstanceId, role: Role) {
        self.grants.insert((iam_id.to_owned(), instance, role));
    }

    pub(super) fn revoke(&mut self, iam_id: &str, instance: InstanceId) {
        self.grants.retain(|(holder, of, _)| holder != iam_id || *of != instance);
    }

    pub(super) fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id)
    }

    pub(super) fn instances_of(&self, account: &str) -> Vec<Instance> {
        self.instances.values().filter(|instance| instance.account == account).cloned().collect()
    }

    pub(super) fn account_of(&self, iam_id: &str) -> Option<String> {
        self.identities.get(iam_id).map(|identity| identity.account.clone())
    }

    pub(super) fn by_api_key(&self, api_key: &str) -> Option<&Identity> {
        self.identities.values().find(|identity| identity.api_key == api_key)
    }

    /// A role counts only in an instance of the account that its holder acts in.
    pub(super) fn permits(&self, who: &Principal, action: &str, instance: InstanceId) -> bool {
        let owned = self.instances.get(&instance).is_some_and(|instance| instance.account == who.account);
        let role_allows = |(holder, of, role): &(String, InstanceId, Role)| {
            *holder == who.iam_id && *of == instance && role.allows(action)
        };
        owned && self.grants.iter().any(role_allows)
    }
}
