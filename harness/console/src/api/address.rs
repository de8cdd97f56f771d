//! Where IAM, the resource controller and the endpoints of instances are.

use std::{fmt, str::FromStr};

use keysync_browser_guard::is_loopback;
use url::Url;

use super::Instance;

/// Where IAM, the resource controller and the endpoints are.
///
/// ```
/// use keysync_console::Addresses;
///
/// let addresses = Addresses {
///     endpoint: "https://{instance}.api.{region}.hs-crypto.appdomain.cloud".parse()?,
///     iam: "https://iam.cloud.ibm.com".parse()?,
///     resource_controller: "https://resource-controller.cloud.ibm.com".parse()?,
/// };
/// # Ok::<(), keysync_console::BadAddress>(())
/// ```
#[derive(Clone, Debug)]
pub struct Addresses {
    /// An instance's endpoint: `{instance}` and `{region}` in it stand for the instance's.
    pub endpoint: Address,
    /// IAM, which has `/identity/token`.
    pub iam: Address,
    /// The resource controller, which has `/v2/resource_instances`.
    pub resource_controller: Address,
}

/// A base address: `https`, or `http` on this machine, as tokens go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    local: bool,
}

/// What is no address for a console to call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address to send tokens to: it must be `https://…`, or `http://…` on this machine, such as \
     http://127.0.0.1:8080; an endpoint's may hold {{instance}} and {{region}}"
)]
pub struct BadAddress(String);

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let url: Url = filled(text, "0", "region").parse().map_err(|_| bad())?;
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
        filled(&self.endpoint.text, &instance.id.to_string(), &instance.region)
    }
}

fn filled(template: &str, instance: &str, region: &str) -> String {
    template.replace("{instance}", instance).replace("{region}", region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_out_encrypted_or_not_at_all() {
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
    fn an_endpoint_is_that_of_the_instance() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let iam = address("https://iam.cloud.ibm.com");
        let endpoint = address("https://{instance}.api.{region}.hs-crypto.appdomain.cloud/");
        let addresses = Addresses { endpoint, iam: iam.clone(), resource_controller: iam };
        let instance = Instance::example();
        let expected = format!("https://{}.api.us-south.hs-crypto.appdomain.cloud", instance.id);
        assert_eq!(addresses.endpoint(&instance), expected);
    }
}
