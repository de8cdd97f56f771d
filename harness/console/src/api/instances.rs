//! The instances of an account, from the resource controller.

use serde::Deserialize;
use uuid::Uuid;

use super::{AccessToken, Api, ApiError, fetch};

/// Maximum number of pages read; each has up to 100 instances.
const MAX_PAGES: usize = 20;

/// An instance of a key-management service.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instance {
    #[serde(rename = "guid")]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) crn: String,
    #[serde(rename = "region_id")]
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) state: String,
}

#[derive(Deserialize)]
struct Page {
    next_url: Option<String>,
    resources: Vec<serde_json::Value>,
}

impl Api {
    /// The instances of key-management services, ordered by name.
    pub(crate) async fn instances(&self, token: &AccessToken) -> Result<Vec<Instance>, ApiError> {
        let base = &self.addresses.resource_controller;
        let mut next = Some("/v2/resource_instances".to_owned());
        let mut instances: Vec<Instance> = Vec::new();
        for _ in 0..MAX_PAGES {
            // Only a path is followed: the token must not be sent to another host.
            let Some(path) = next.filter(|next| next.starts_with("/v2/")) else { break };
            let url = format!("{base}{path}");
            let page: Page = fetch(self.http.get(url).bearer_auth(token.secret())).await?;
            let found = page.resources.into_iter().filter_map(|found| serde_json::from_value(found).ok());
            instances.extend(found.filter(Instance::manages_keys));
            next = page.next_url;
        }
        instances.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        Ok(instances)
    }
}

impl Instance {
    /// Service name in the CRN: `hs-crypto` or `kms`.
    pub(crate) fn service(&self) -> &str {
        self.crn.split(':').nth(4).unwrap_or_default()
    }

    /// Whether this is a key-management service with a valid region. The region becomes part of a
    /// URL.
    fn manages_keys(&self) -> bool {
        let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        matches!(self.service(), "hs-crypto" | "kms") && self.region.bytes().all(is_word)
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        let crn = "crn:v1:bluemix:public:hs-crypto:us-south:a/1:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11::";
        Self {
            id: "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11".parse().unwrap(),
            name: "example".to_owned(),
            crn: crn.to_owned(),
            region: "us-south".to_owned(),
            state: "active".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_key_management_with_valid_region_only() {
        let instance = Instance::example();
        assert!(instance.manages_keys());
        let bucket =
            Instance { crn: instance.crn.replace("hs-crypto", "cloud-object-storage"), ..instance.clone() };
        assert!(!bucket.manages_keys());
        for region in ["us/south", "us.evil.example#", "@evil.example", "US"] {
            assert!(!Instance { region: region.to_owned(), ..instance.clone() }.manages_keys(), "{region}");
        }
    }
}
