//! The callback registry: the operator's setting that maps services to callback URLs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use url::{Host, Url};

use super::ssrf_guard::AddressPolicy;
use crate::{domain::ServiceName, excerpt::excerpt};

/// The maximum length of a URL in a setting, in bytes (`docs/reference/limits.md#url`).
pub const MAX_URL_BYTES: usize = 2048;

/// What the operator configured about each service: its callback URL, and whether it acknowledges.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    callbacks: BTreeMap<ServiceName, Url>,
    acknowledging: BTreeSet<ServiceName>,
}

/// The errors of an invalid registry, one for each entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct RegistryError(Vec<String>);

impl Registry {
    /// Parses a JSON object of service name → callback URL. Reports all errors at once.
    pub fn from_json(json: &str, policy: AddressPolicy) -> Result<Self, RegistryError> {
        let Entries(entries) = serde_json::from_str(json).map_err(|error| {
            let example = r#"{"cloud-object-storage":"https://…"}"#;
            // The parser's message may quote a value, and a URL may contain a secret.
            let (line, column) = (error.line(), error.column());
            RegistryError(vec![format!(
                "must be a JSON object of service name → URL, such as {example}: invalid at line {line} column {column}"
            )])
        })?;
        let mut registry = BTreeMap::new();
        let mut errors = Vec::new();
        for (service, url) in entries {
            match entry(&service, &url, policy) {
                Ok((service, _)) if registry.contains_key(&service) => {
                    errors.push(format!("`{service}` is listed twice: remove one of the entries"));
                }
                Ok((service, url)) => drop(registry.insert(service, url)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { callbacks: registry, acknowledging: BTreeSet::new() })
        } else {
            Err(RegistryError(errors))
        }
    }

    /// All services with their callback URLs, by name.
    pub fn callbacks(&self) -> impl Iterator<Item = (&ServiceName, &Url)> {
        self.callbacks.iter()
    }

    /// The callback URL of `service`.
    pub(super) fn callback(&self, service: &ServiceName) -> Option<&Url> {
        self.callbacks.get(service)
    }

    /// The same registry with the services that acknowledge what they were notified of: names
    /// separated by commas, each of them with a callback URL.
    pub fn with_acknowledging(self, names: &str) -> Result<Self, RegistryError> {
        let (mut acknowledging, mut errors) = (BTreeSet::new(), Vec::new());
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.parse() {
                Ok(service) if self.callbacks.contains_key(&service) => drop(acknowledging.insert(service)),
                Ok(_) => errors.push(format!("`{}` must have a callback URL", excerpt(name))),
                Err(error) => errors.push(format!("`{}` {error}", excerpt(name))),
            }
        }
        if errors.is_empty() { Ok(Self { acknowledging, ..self }) } else { Err(RegistryError(errors)) }
    }

    /// Whether `service` must acknowledge what it was notified of.
    pub(super) fn acknowledges(&self, service: &ServiceName) -> bool {
        self.acknowledging.contains(service)
    }
}

/// The members of the JSON object, duplicates included.
struct Entries(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, String)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Self)
    }
}

fn entry(service: &str, url: &str, policy: AddressPolicy) -> Result<(ServiceName, Url), String> {
    let name = service.parse().map_err(|error| format!("`{}` {error}", excerpt(service)))?;
    let invalid = |problem: &str| format!("the URL of `{service}` {problem}: got `{}`", excerpt(url));
    if url.len() > MAX_URL_BYTES || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("must have at most 2048 characters, and no spaces or control characters"));
    }
    let url: Url = url.parse().map_err(|error| invalid(&format!("is invalid ({error})")))?;
    match url.scheme() {
        "https" => {}
        "http" if policy == AddressPolicy::LoopbackTest => {}
        _ => return Err(invalid("must start with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the URL of `{service}` must not contain a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(invalid("must not contain a fragment (`#`)"));
    }
    if url.port() == Some(0) {
        return Err(invalid("must not have port 0"));
    }
    // The SSRF guard checks names when they are resolved. Literal addresses are never resolved.
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(name)) if is_localhost(name) => Some(Ipv4Addr::LOCALHOST.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(invalid("must have a host")),
    };
    if literal.is_some_and(|address| !policy.allows(address)) {
        return Err(invalid("must not be a private, loopback, link-local or other special-purpose address"));
    }
    Ok((name, url))
}

/// Whether a name is `localhost` or below it, and so a loopback address (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(json: &str) -> String {
        Registry::from_json(json, AddressPolicy::PublicOnly).expect_err(json).to_string()
    }

    #[test]
    fn reports_all_errors_at_once() {
        let text = errors(
            r#"{"Bad Name":"https://a.example","ftp":"ftp://a.example","meta":"https://169.254.169.254/"}"#,
        );
        assert!(text.contains("`Bad Name` must be a service name"), "{text}");
        assert!(text.contains("`ftp` must start with https://"), "{text}");
        assert!(text.contains("`meta` must not be a private"), "{text}");
    }

    #[test]
    fn checks_literal_addresses_in_any_notation() {
        for host in
            ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "10.1.2.3"]
        {
            assert!(errors(&format!(r#"{{"a":"https://{host}/"}}"#)).contains("must not be"), "{host}");
        }
    }

    #[test]
    fn accepts_loopback_and_http_only_in_test_mode() {
        let json = r#"{"a":"http://127.0.0.1:1/"}"#;
        assert!(errors(json).contains("https"));
        assert!(Registry::from_json(json, AddressPolicy::LoopbackTest).is_ok());
        assert!(Registry::from_json(r#"{"a":"http://10.0.0.1/"}"#, AddressPolicy::LoopbackTest).is_err());
    }

    #[test]
    fn rejects_password_without_quoting_it() {
        let text = errors(r#"{"a":"https://user:hunter2@a.example/"}"#);
        assert!(text.contains("password") && !text.contains("hunter2"));
    }

    #[test]
    fn error_for_invalid_json_shows_an_example() {
        for json in
            ["", "[]", "null", "7", r#""https://user:hunter2@a.example""#, r#"{"a":["hunter2"]}"#, r#"{"a":"#]
        {
            let text = errors(json);
            assert!(text.contains("must be a JSON object") && !text.contains("hunter2"), "{text}");
        }
        assert!(Registry::from_json("{}", AddressPolicy::PublicOnly).is_ok());
    }

    #[test]
    fn rejects_service_listed_twice() {
        for duplicate in ["a", r"\u0061"] {
            let json = format!(
                r#"{{"a":"https://a.example","b":"https://b.example","{duplicate}":"https://a.example"}}"#
            );
            assert_eq!(errors(&json), "`a` is listed twice: remove one of the entries");
        }
    }

    #[test]
    fn rejects_unusable_url() {
        for url in [
            "",
            "a.example",
            "https://",
            "https://a.example:0/",
            "https://a.example:99999/",
            "https://a.example/ b",
            "https://a.example/\\n",
            "https://a.example/#b",
            "https://localhost/",
            "https://a.localhost./",
            &format!("https://a.example/{}", "a".repeat(2048)),
        ] {
            let text = errors(&format!(r#"{{"a":"{url}"}}"#));
            assert!(text.contains("the URL of `a`") && text.chars().count() < 250, "{text}");
        }
        let text = errors(r#"{"a":"http://a.example/?token=hunter2"}"#);
        assert!(text.contains("must start with https") && !text.contains("hunter2"), "{text}");
        assert!(Registry::from_json(r#"{"a":"https://a.example/?b=c"}"#, AddressPolicy::PublicOnly).is_ok());
        assert!(Registry::from_json(r#"{"a":"https://localhost:1/"}"#, AddressPolicy::LoopbackTest).is_ok());
    }

    #[test]
    fn acknowledging_services_must_have_callbacks() {
        let registry = || {
            let callbacks = r#"{"cloud-object-storage":"https://cos.example/"}"#;
            Registry::from_json(callbacks, AddressPolicy::PublicOnly).unwrap()
        };
        let storage = "cloud-object-storage".parse().unwrap();
        for (names, acknowledges) in
            [("", false), ("cloud-object-storage", true), (" cloud-object-storage , ", true)]
        {
            let registry = registry().with_acknowledging(names).unwrap();
            assert_eq!(registry.acknowledges(&storage), acknowledges, "{names:?}");
        }
        for names in ["databases-for-postgresql", "Cloud Object Storage", "cloud-object-storage;x"] {
            let error = registry().with_acknowledging(names).unwrap_err().to_string();
            assert!(error.contains(names), "{error}");
        }
    }
}
