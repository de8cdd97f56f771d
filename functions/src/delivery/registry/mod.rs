//! The service registry: the operator's setting with the callback URL of each associated service,
//! and how notifications are delivered to it (`docs/reference/services.schema.json`).

mod callback_url;
mod entry;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    time::Duration,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use url::Url;

use super::ssrf_guard::AddressPolicy;
use crate::{domain::ServiceName, excerpt::excerpt};

pub use callback_url::MAX_URL_BYTES;

/// The range of the timeout of a service, in seconds. The maximum is that of
/// `KEYSYNC_CALLBACK_TIMEOUT` (`docs/reference/limits.md#callback-timeout`).
const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=840;

/// What the operator configured about each service.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<ServiceName, Service>);

/// An associated service.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of a JSON object")]
pub struct Service {
    /// The URL of its callbacks.
    pub url: Url,
    /// Whether it must acknowledge what it was notified of.
    pub acknowledges: bool,
    /// The timeout of a delivery attempt; `None` for that of all services.
    pub timeout: Option<Duration>,
    /// Whether deliveries to it are held back.
    pub paused: bool,
    /// Whether its callbacks are also signed with its symmetric secret.
    pub symmetric_signature: bool,
    /// Whether it takes part in the `CloudEvents` webhook handshake, which the check of the
    /// registry makes. The functions do not.
    pub handshake: bool,
}

/// The errors of an invalid registry, one for each invalid service name and field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct RegistryError(Vec<String>);

impl Registry {
    /// Parses a JSON object of service name → settings. Reports all errors at once.
    pub fn from_json(json: &str, policy: AddressPolicy) -> Result<Self, RegistryError> {
        let Members(members) = serde_json::from_str::<Members<&RawValue>>(json).map_err(|error| {
            let example = r#"{"cloud-object-storage":{"url":"https://…"}}"#;
            // The parser's message may quote a value, and a URL may contain a secret.
            let (line, column) = (error.line(), error.column());
            RegistryError(vec![format!(
                "must be a JSON object of service name → settings, such as {example}: invalid at line {line} column {column}"
            )])
        })?;
        let (mut services, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, settings) in members {
            let parsed_name = name.parse::<ServiceName>();
            if let Err(error) = &parsed_name {
                errors.push(format!("`{}` {error}", excerpt(&name)));
            }
            let service = entry::parse(&name, settings, policy, &mut errors);
            let (Ok(name), Some(service)) = (parsed_name, service) else { continue };
            if services.contains_key(&name) {
                errors.push(format!("`{name}` is listed twice: remove one of the entries"));
            }
            services.insert(name, service);
        }
        if errors.is_empty() { Ok(Self(services)) } else { Err(RegistryError(errors)) }
    }

    /// All services, by name.
    pub fn services(&self) -> impl Iterator<Item = (&ServiceName, &Service)> {
        self.0.iter()
    }

    /// The services whose deliveries are held back.
    #[must_use]
    pub fn paused(&self) -> BTreeSet<ServiceName> {
        let services = self.0.iter().filter(|(_, service)| service.paused);
        services.map(|(name, _)| name.clone()).collect()
    }

    /// The services whose callbacks are also signed with a symmetric secret.
    #[must_use]
    pub fn with_symmetric_signature(&self) -> BTreeSet<ServiceName> {
        let services = self.0.iter().filter(|(_, service)| service.symmetric_signature);
        services.map(|(name, _)| name.clone()).collect()
    }

    /// The service with this name.
    #[must_use]
    pub fn get(&self, service: &ServiceName) -> Option<&Service> {
        self.0.get(service)
    }
}

/// The members of a JSON object in their order, duplicates included.
struct Members<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<T>(Vec<(String, T)>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Collect<T> {
            type Value = Vec<(String, T)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
                while let Some(member) = map.next_entry()? {
                    self.0.push(member);
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_map(Collect(Vec::new())).map(Self)
    }
}

#[cfg(test)]
mod tests;
