//! Who exists, and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use keysync::domain::{InstanceCrn, InstanceId};
use serde::Deserialize;

use super::Principal;

/// The service that instances are of.
const SERVICE: &str = "hs-crypto";

/// Somebody with an API key.
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
    #[must_use]
    pub fn crn(&self) -> String {
        self.parsed_crn().to_string()
    }

    /// The instance's CRN.
    #[must_use]
    pub fn parsed_crn(&self) -> InstanceCrn {
        let Self { id, account, region, .. } = self;
        InstanceCrn {
            service: SERVICE.to_owned(),
            region: region.clone(),
            account: account.clone(),
            instance: *id,
        }
    }
}

/// An access policy: a role on every resource of an account that has these attributes. As IAM does, it is
/// matched against the attributes in a CRN; whether such an instance or key exists is not looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    /// The identity that has the role.
    pub iam_id: String,
    /// The role.
    pub role: Role,
    /// The account of the resources.
    pub account: String,
    /// Their service, such as `hs-crypto`; any where it is `None`.
    pub service: Option<String>,
    /// Their region; any where it is `None`.
    pub region: Option<String>,
    /// Their instance; any where it is `None`.
    pub instance: Option<InstanceId>,
}

impl Policy {
    /// A role on everything in an account.
    ///
    /// ```
    /// use keysync_iam_emulator::{Policy, Role};
    /// assert_eq!(Policy::in_account("IBMid-somebody", "abc123", Role::Writer).instance, None);
    /// ```
    #[must_use]
    pub fn in_account(iam_id: &str, account: &str, role: Role) -> Self {
        Self {
            iam_id: iam_id.to_owned(),
            role,
            account: account.to_owned(),
            service: None,
            region: None,
            instance: None,
        }
    }

    fn permits(&self, iam_id: &str, action: &str, resource: &InstanceCrn) -> bool {
        self.iam_id == iam_id
            && self.role.allows(action)
            && self.account == resource.account
            && self.service.as_ref().is_none_or(|service| *service == resource.service)
            && self.region.as_ref().is_none_or(|region| *region == resource.region)
            && self.instance.is_none_or(|instance| instance == resource.instance)
    }
}

/// A service role of the key-management service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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

/// Accounts, instances, identities and access policies.
#[derive(Default)]
pub(super) struct Directory {
    instances: BTreeMap<InstanceId, Instance>,
    identities: BTreeMap<String, Identity>,
    policies: BTreeSet<Policy>,
}

impl Directory {
    pub(super) fn add_instance(&mut self, instance: Instance) {
        self.instances.insert(instance.id, instance);
    }

    pub(super) fn add_identity(&mut self, identity: Identity) {
        self.identities.insert(identity.iam_id.clone(), identity);
    }

    pub(super) fn attach_policy(&mut self, policy: Policy) {
        self.policies.insert(policy);
    }

    /// A policy on one instance, in the account that owns it; none for an instance that does not exist.
    pub(super) fn grant(&mut self, iam_id: &str, instance: InstanceId, role: Role) {
        if let Some(owned) = self.instances.get(&instance) {
            let in_account = Policy::in_account(iam_id, &owned.account, role);
            self.attach_policy(Policy { instance: Some(instance), ..in_account });
        }
    }

    pub(super) fn revoke(&mut self, iam_id: &str, instance: InstanceId) {
        self.policies.retain(|policy| policy.iam_id != iam_id || policy.instance != Some(instance));
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

    /// Decides by the attributes of a resource's CRN alone. A policy counts only in the account that its
    /// holder acts in.
    pub(super) fn permits(&self, who: &Principal, action: &str, resource: &InstanceCrn) -> bool {
        resource.account == who.account
            && self.policies.iter().any(|policy| policy.permits(&who.iam_id, action, resource))
    }
}
