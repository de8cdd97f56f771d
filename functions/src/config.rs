//! Configuration: environment variables, read once at start, every mistake named at once.

use std::{fmt::Display, str::FromStr, time::Duration};

use url::{Host, Url};

use crate::{
    iam::IamSettings,
    notify::{AddressPolicy, Registry, SigningKey},
};

/// The name of the table.
pub const TABLE: &str = "KEYSYNC_TABLE";
/// The region in CRNs.
pub const REGION: &str = "KEYSYNC_REGION";
/// The service name in CRNs.
pub const SERVICE: &str = "KEYSYNC_SERVICE";
/// IAM's address.
pub const IAM_URL: &str = "KEYSYNC_IAM_URL";
/// The issuer of access tokens.
pub const IAM_ISSUER: &str = "KEYSYNC_IAM_ISSUER";
/// Callback addresses.
pub const CALLBACKS: &str = "KEYSYNC_CALLBACKS";
/// The private key that signs callbacks.
pub const SIGNING_KEY: &str = "KEYSYNC_SIGNING_KEY";
/// How long a service has to answer a callback.
pub const CALLBACK_TIMEOUT: &str = "KEYSYNC_CALLBACK_TIMEOUT";
/// How long a request may take.
pub const REQUEST_TIMEOUT: &str = "KEYSYNC_REQUEST_TIMEOUT";
/// Whether plain HTTP and loopback are allowed.
pub const LOOPBACK_TEST_MODE: &str = "KEYSYNC_LOOPBACK_TEST_MODE";
/// What is logged.
pub const LOG: &str = "KEYSYNC_LOG";

/// All that a function needs to know.
#[derive(Debug)]
pub struct Config {
    /// `KEYSYNC_TABLE`, default `keysync`.
    pub table: String,
    /// `KEYSYNC_IAM_URL`, `KEYSYNC_IAM_ISSUER`, `KEYSYNC_SERVICE`, `KEYSYNC_REGION`.
    pub iam: IamSettings,
    /// `KEYSYNC_CALLBACKS`, required: a JSON object of service name → URL.
    pub registry: Registry,
    /// `KEYSYNC_SIGNING_KEY`, required: `whsk_…`.
    pub signing_key: SigningKey,
    /// `KEYSYNC_LOOPBACK_TEST_MODE`, default `off`.
    pub addresses: AddressPolicy,
    /// `KEYSYNC_CALLBACK_TIMEOUT`, default `5s`.
    pub callback_timeout: Duration,
    /// `KEYSYNC_REQUEST_TIMEOUT`, default `25s`.
    pub request_timeout: Duration,
}

/// Every mistake in the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} mistake(s): {}", .0.len(), .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads settings from wherever `get` finds them.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader { get, mistakes: Vec::new() };
        let addresses = match read.or(LOOPBACK_TEST_MODE, "off", parse_switch) {
            Some(true) => AddressPolicy::LoopbackTest,
            _ => AddressPolicy::PublicOnly,
        };
        let table = read.or(TABLE, "keysync", name);
        let url = read.or(IAM_URL, "https://iam.cloud.ibm.com", |text| parse_iam_url(text, addresses));
        let issuer = read.or(IAM_ISSUER, "https://iam.cloud.ibm.com/identity", name);
        let service = read.or(SERVICE, "hs-crypto", name);
        let region = read.or(REGION, "us-south", name);
        let registry = read.required(CALLBACKS, |text| Registry::from_json(text, addresses));
        let signing_key = read.required(SIGNING_KEY, SigningKey::from_str);
        let callback_timeout = read.or(CALLBACK_TIMEOUT, "5s", parse_duration);
        let request_timeout = read.or(REQUEST_TIMEOUT, "25s", parse_duration);
        let config = (|| {
            Some(Self {
                table: table?,
                iam: IamSettings { url: url?, issuer: issuer?, service: service?, region: region? },
                registry: registry?,
                signing_key: signing_key?,
                addresses,
                callback_timeout: callback_timeout?,
                request_timeout: request_timeout?,
            })
        })();
        match config {
            Some(config) if read.mistakes.is_empty() => Ok(config),
            _ => Err(ConfigError(read.mistakes)),
        }
    }
}

/// Reads settings one by one and collects what is wrong with them.
struct Reader<G> {
    get: G,
    mistakes: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    fn or<T, E: Display>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = (self.get)(name).unwrap_or_else(|| default.to_owned());
        self.parsed(name, parse(&value))
    }

    fn required<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match (self.get)(name) {
            Some(value) => self.parsed(name, parse(&value)),
            None => self.parsed(name, Err("is required and not set")),
        }
    }

    /// Mistakes do not repeat a value here: it may be a secret. Parsers that know better do.
    fn parsed<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.mistakes.push(format!("{name} {problem}"))).ok()
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("must be `on` or `off`: got `{other}`")),
    }
}

/// A whole number with its unit: `500ms`, `5s`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("must be a duration over zero with its unit, such as `500ms` or `5s`: got `{text}`");
    let duration = if let Some(millis) = text.strip_suffix("ms") {
        millis.parse().map(Duration::from_millis)
    } else {
        text.strip_suffix('s').unwrap_or_default().parse().map(Duration::from_secs)
    };
    duration.ok().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

/// Tokens are sent there, so it takes TLS; only tests on one machine may do without.
fn parse_iam_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("must be a URL ({error}): got `{text}`"))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback && addresses == AddressPolicy::LoopbackTest => Ok(url),
        _ => Err(format!("must start with https://: got `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn two_settings_are_enough() {
        let config =
            read(&[(CALLBACKS, r#"{"cloud-object-storage":"https://cos.example/"}"#), (SIGNING_KEY, KEY)])
                .unwrap();
        assert_eq!(config.table, "keysync");
        assert_eq!(config.iam.issuer, "https://iam.cloud.ibm.com/identity");
        assert_eq!(config.addresses, AddressPolicy::PublicOnly);
        assert_eq!(
            (config.callback_timeout, config.request_timeout),
            (Duration::from_secs(5), Duration::from_secs(25))
        );
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let ConfigError(mistakes) = read(&[
            (TABLE, " "),
            (IAM_URL, "http://iam.example"),
            (CALLBACK_TIMEOUT, "5"),
            (REQUEST_TIMEOUT, "0s"),
            (LOOPBACK_TEST_MODE, "yes"),
            (SIGNING_KEY, "whsk_hunter2"),
        ])
        .unwrap_err();
        let text = mistakes.join("\n");
        for name in
            [TABLE, IAM_URL, CALLBACK_TIMEOUT, REQUEST_TIMEOUT, LOOPBACK_TEST_MODE, SIGNING_KEY, CALLBACKS]
        {
            assert!(text.contains(name), "{name} is missing in\n{text}");
        }
        assert_eq!(mistakes.len(), 7, "{text}");
        assert!(!text.contains("hunter2"), "a secret is not repeated");
    }

    #[test]
    fn iam_without_tls_takes_test_mode_and_loopback() {
        let with =
            |url| read(&[(IAM_URL, url), (LOOPBACK_TEST_MODE, "on"), (CALLBACKS, "{}"), (SIGNING_KEY, KEY)]);
        assert!(with("http://127.0.0.1:8080").is_ok() && with("http://localhost:1").is_ok());
        assert!(with("http://iam.example").is_err());
    }
}
