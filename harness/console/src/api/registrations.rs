//! Registrations: the resources that a key protects.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Collection, InstanceApi, keys::KeyVersion};

/// Maximum number read: the API's limit for one call.
pub(crate) const MAX: usize = 5_000;

/// A key's registrations.
pub(crate) struct Registrations {
    /// Ordered by service and resource; the first [`MAX`].
    pub(crate) found: Vec<Registration>,
    /// Total number.
    pub(crate) total: usize,
}

/// A resource that a key protects.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registration {
    pub(crate) resource_crn: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) prevent_key_deletion: bool,
    pub(crate) creation_date: Option<Timestamp>,
    pub(crate) key_version: Option<KeyVersion>,
}

/// The parts of a resource's CRN that a page shows.
pub(crate) struct Resource<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
}

impl InstanceApi {
    pub(crate) async fn registrations(&self, key: Uuid) -> Result<Registrations, ApiError> {
        let query = [("limit", MAX.to_string()), ("totalCount", "true".to_owned())];
        let path = format!("/keys/{key}/registrations");
        let Collection { metadata, mut resources }: Collection<Registration> =
            self.get(&path, &query).await?;
        let total = metadata.total_count.unwrap_or_default().max(resources.len());
        resources.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok(Registrations { found: resources, total })
    }
}

impl Registration {
    /// `crn:v1:<cloud>:<visibility>:<service>:<region>:<scope>:<instance>:<type>:<resource>`. If
    /// type and resource are empty, the resource is the instance.
    pub(crate) fn resource(&self) -> Resource<'_> {
        let parts: Vec<&str> = self.resource_crn.splitn(10, ':').collect();
        let part = |index: usize| parts.get(index).copied().unwrap_or_default();
        let (kind, name) = if part(9).is_empty() { ("instance", part(7)) } else { (part(8), part(9)) };
        Resource { service: part(4), region: part(5), kind, name }
    }

    fn order(&self) -> (&str, &str, &str) {
        let Resource { service, name, .. } = self.resource();
        (service, name, &self.resource_crn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(crn: &str) -> [String; 4] {
        let registration = Registration {
            resource_crn: crn.to_owned(),
            description: String::new(),
            prevent_key_deletion: false,
            creation_date: None,
            key_version: None,
        };
        let Resource { service, region, kind, name } = registration.resource();
        [service, region, kind, name].map(str::to_owned)
    }

    #[test]
    fn splits_resource_crn_into_parts() {
        let bucket = "crn:v1:bluemix:public:cloud-object-storage:global:a/1:i:bucket:a:b";
        assert_eq!(parts(bucket), ["cloud-object-storage", "global", "bucket", "a:b"]);
        let database = "crn:v1:bluemix:public:databases-for-postgresql:us-south:a/1:db::";
        assert_eq!(parts(database), ["databases-for-postgresql", "us-south", "instance", "db"]);
        assert_eq!(parts("what?"), ["", "", "instance", ""]);
    }
}
