//! Accounts, service instances, identities and access policies.

use std::collections::{BTreeMap, BTreeSet};

use keysync::domain::{InstanceCrn, InstanceId};
use serde::{Deserialize, Serialize};

use super::Principal;

/// CRN service name of all instances.
const SERVICE: &str = "hs-crypto";

/// A user or service ID with an API key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// IAM ID: `IBMid-…` for a user, `iam-ServiceId-…` for a service ID.
    pub iam_id: String,
    /// Account of the identity.
    pub account: String,
    /// API key, a secret.
    pub api_key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({}, API key redacted)", self.iam_id)
    }
}

/// A service instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Instance {
    /// Instance ID, as in CRNs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: InstanceId,
    /// Account that owns the instance.
    pub account: String,
    /// Region, such as `us-south`.
    pub region: String,
    /// Display name.
    pub name: String,
}

impl Instance {
    /// The instance's CRN as a string.
    #[must_use]
    pub fn crn(&self) -> String {
        self.parsed_crn().to_string()
    }

    /// The instance's CRN as a value.
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

/// An access policy: a role on every resource of an account that has these attributes. As in IAM,
/// the policy is matched against the attributes of a CRN. The instance or key need not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// IAM ID of the identity that has the role.
    pub iam_id: String,
    /// Role that the identity has.
    pub role: Role,
    /// Account of the resources.
    pub account: String,
    /// Service of the resources, such as `hs-crypto`. `None` matches every service.
    pub service: Option<String>,
    /// Region of the resources. `None` matches every region.
    pub region: Option<String>,
    /// Instance of the resources. `None` matches every instance.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub instance: Option<InstanceId>,
}

impl Policy {
    /// Creates a policy for a role on all resources of an account.
    ///
    /// ```
    /// use keysync_iam_emulator::{Policy, Role};
    /// assert_eq!(Policy::in_account("IBMid-writer", "abc123", Role::Writer).instance, None);
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

/// A role of the key-management service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Reads keys and registrations, but no key material.
    Reader,
    /// Reads key material as well.
    ReaderPlus,
    /// Creates, rotates and synchronizes keys.
    Writer,
    /// Performs every action except a purge.
    Manager,
    /// Purges keys.
    KeyPurge,
}

impl Role {
    /// Whether the role allows a documented action. In production only services write registrations
    /// and acknowledge events. The emulator does not distinguish services from users, so these
    /// actions require a manager.
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
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    pub(super) identities: BTreeMap<String, Identity>,
    pub(super) policies: BTreeSet<Policy>,
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

    /// Attaches a policy on one instance, in the account that owns it. Does nothing if the instance
    /// does not exist.
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

    /// Decides by the attributes of a resource's CRN alone. A policy is effective only in the
    /// principal's account.
    pub(super) fn permits(&self, principal: &Principal, action: &str, resource: &InstanceCrn) -> bool {
        resource.account == principal.account
            && self.policies.iter().any(|policy| policy.permits(&principal.iam_id, action, resource))
    }
}
