//! Addresses of IAM, the resource controller and the endpoints of instances.

use std::{fmt, str::FromStr};

use keysync_browser_guard::is_loopback;
use url::Url;

use super::Instance;

/// Addresses of IAM, the resource controller and the endpoints.
///
/// ```
/// use keysync_console::Addresses;
///
/// let addresses = Addresses {
///     endpoint: "https://{instance}.api.{region}.hs-crypto.appdomain.cloud".parse()?,
///     iam: "https://iam.cloud.ibm.com".parse()?,
///     resource_controller: "https://resource-controller.cloud.ibm.com".parse()?,
/// };
/// # Ok::<(), keysync_console::InvalidAddress>(())
/// ```
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Endpoint of an instance; `{instance}` and `{region}` are replaced by its id and region.
    pub endpoint: Address,
    /// IAM, which serves `/identity/token`.
    pub iam: Address,
    /// The resource controller, which serves `/v2/resource_instances`.
    pub resource_controller: Address,
}

/// A base URL: `https`, or `http` on this machine, as tokens are sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    local: bool,
}

/// An address that tokens must not be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid address `{0}`: it must be `https://…`, or `http://…` on this machine, such as http://127.0.0.1:8080; \
     an endpoint may contain {{instance}} and {{region}}"
)]
pub struct InvalidAddress(String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let bad = || InvalidAddress(text.to_owned());
        let url: Url = expand(text, "0", "region").parse().map_err(|_| bad())?;
        let local = is_loopback(&url.host().ok_or_else(bad)?);
        let plain = url.username().is_empty() && url.password().is_none();
        let plain = plain && url.query().is_none() && url.fragment().is_none();
        if plain && (url.scheme() == "https" || url.scheme() == "http" && local) {
            Ok(Self { text: text.trim_end_matches('/').to_owned(), local })
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Addresses {
    /// Whether all of them are on this machine.
    pub(super) fn are_local(&self) -> bool {
        [&self.endpoint, &self.iam, &self.resource_controller].iter().all(|address| address.local)
    }

    pub(super) fn endpoint(&self, instance: &Instance) -> String {
        expand(&self.endpoint.text, &instance.id.to_string(), &instance.region)
    }
}

fn expand(template: &str, instance: &str, region: &str) -> String {
    template.replace("{instance}", instance).replace("{region}", region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_unencrypted_remote_addresses() {
        for good in [
            "https://{region}.kms.cloud.ibm.com",
            "https://{instance}.api.{region}.hs-crypto.appdomain.cloud/",
            "http://127.0.0.1:8080",
            "http://localhost:8080/",
            "http://[::1]:8080",
            "http://{instance}.api.{region}.hs-crypto.localhost:8080",
        ] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "kms.cloud.ibm.com",
            "http://kms.cloud.ibm.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "https://user:secret@kms.cloud.ibm.com",
            "https://kms.cloud.ibm.com/?a=b",
            "https://kms.cloud.ibm.com/#a",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoint_has_id_and_region_of_instance() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let iam = address("https://iam.cloud.ibm.com");
        let endpoint = address("https://{instance}.api.{region}.hs-crypto.appdomain.cloud/");
        let addresses = Addresses { endpoint, iam: iam.clone(), resource_controller: iam };
        let instance = Instance::example();
        let expected = format!("https://{}.api.us-south.hs-crypto.appdomain.cloud", instance.id);
        assert_eq!(addresses.endpoint(&instance), expected);
    }
}
