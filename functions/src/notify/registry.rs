//! Where each service wants its callbacks: the operator's registry, never a request.

use std::collections::BTreeMap;

use url::{Host, Url};

use super::guard::AddressPolicy;
use crate::key::ServiceName;

/// Callback addresses by service.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<ServiceName, Url>);

/// What is wrong with a registry, entry by entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct RegistryError(Vec<String>);

impl Registry {
    /// Reads a JSON object of service name → callback URL and names every mistake in it.
    pub fn from_json(json: &str, policy: AddressPolicy) -> Result<Self, RegistryError> {
        let entries: BTreeMap<String, String> = serde_json::from_str(json).map_err(|error| {
            let example = r#"{"cloud-object-storage":"https://…"}"#;
            RegistryError(vec![format!(
                "must be a JSON object of service name → URL, such as {example}: {error}"
            )])
        })?;
        let mut registry = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (service, url) in entries {
            match entry(&service, &url, policy) {
                Ok((service, url)) => drop(registry.insert(service, url)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(Self(registry)) } else { Err(RegistryError(mistakes)) }
    }

    /// Where `service` wants its callbacks.
    pub(super) fn callback(&self, service: &ServiceName) -> Option<&Url> {
        self.0.get(service)
    }
}

fn entry(service: &str, url: &str, policy: AddressPolicy) -> Result<(ServiceName, Url), String> {
    let name = service.parse().map_err(|error| format!("`{service}` {error}"))?;
    let wrong = |problem: &str| format!("the URL of `{service}` {problem}: got `{url}`");
    let url: Url = url.parse().map_err(|error| wrong(&format!("is no URL ({error})")))?;
    match url.scheme() {
        "https" => {}
        "http" if policy == AddressPolicy::LoopbackTest => {}
        _ => return Err(wrong("must start with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the URL of `{service}` must not hold a user name or password"));
    }
    // Names are checked when they are resolved; a literal address never passes a resolver.
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(wrong("names no host")),
    };
    if literal.is_some_and(|address| !policy.allows(address)) {
        return Err(wrong("must not be a private, loopback, link-local or otherwise special address"));
    }
    Ok((name, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(json: &str) -> String {
        Registry::from_json(json, AddressPolicy::PublicOnly).expect_err(json).to_string()
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let text = mistakes(
            r#"{"Bad Name":"https://a.example","ftp":"ftp://a.example","meta":"https://169.254.169.254/"}"#,
        );
        assert!(text.contains("`Bad Name` must be a service name"), "{text}");
        assert!(text.contains("`ftp` must start with https://"), "{text}");
        assert!(text.contains("`meta` must not be a private"), "{text}");
    }

    #[test]
    fn literal_addresses_in_any_form_are_looked_at() {
        for host in
            ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "10.1.2.3"]
        {
            assert!(mistakes(&format!(r#"{{"a":"https://{host}/"}}"#)).contains("must not be"), "{host}");
        }
    }

    #[test]
    fn loopback_and_http_pass_in_test_mode_only() {
        let json = r#"{"a":"http://127.0.0.1:1/"}"#;
        assert!(mistakes(json).contains("https"));
        assert!(Registry::from_json(json, AddressPolicy::LoopbackTest).is_ok());
        assert!(Registry::from_json(r#"{"a":"http://10.0.0.1/"}"#, AddressPolicy::LoopbackTest).is_err());
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let text = mistakes(r#"{"a":"https://user:hunter2@a.example/"}"#);
        assert!(text.contains("password") && !text.contains("hunter2"));
    }

    #[test]
    fn what_is_no_object_says_what_would_be() {
        assert!(mistakes("[]").contains("must be a JSON object"));
    }
}
