//! Reads settings one by one, and collects what is wrong with them.

use std::{fmt::Display, num::NonZeroU32, time::Duration};

use url::{Host, Url};

use super::ConfigError;
use crate::notify::AddressPolicy;

/// Where settings come from, and what was wrong with them so far.
pub(super) struct Reader<G> {
    get: G,
    mistakes: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    /// All that `take` takes, or every mistake in it.
    pub(super) fn read<T>(get: G, take: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, ConfigError> {
        let mut read = Self { get, mistakes: Vec::new() };
        match take(&mut read) {
            Some(config) if read.mistakes.is_empty() => Ok(config),
            _ => Err(ConfigError(read.mistakes)),
        }
    }

    pub(super) fn or<T, E: Display>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = (self.get)(name).unwrap_or_else(|| default.to_owned());
        self.parsed(name, parse(&value))
    }

    pub(super) fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match (self.get)(name) {
            Some(value) => self.parsed(name, parse(&value)),
            None => self.parsed(name, Err("is required and not set")),
        }
    }

    /// The one of two settings that is set: each is its name and its parser.
    pub(super) fn one_of<T, E: Display, F: Display>(
        &mut self,
        (name, parse): (&str, impl FnOnce(&str) -> Result<T, E>),
        (other, parse_other): (&str, impl FnOnce(&str) -> Result<T, F>),
    ) -> Option<T> {
        match ((self.get)(name), (self.get)(other)) {
            (Some(value), None) => self.parsed(name, parse(&value)),
            (None, Some(value)) => self.parsed(other, parse_other(&value)),
            (None, None) => self.parsed(name, Err(format!("or {other} is required, and neither is set"))),
            (Some(_), Some(_)) => {
                self.parsed(name, Err(format!("and {other} are both set: take out one of them")))
            }
        }
    }

    /// Mistakes do not repeat a value here: it may be a secret. Parsers that know better do.
    fn parsed<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.mistakes.push(format!("{name} {problem}"))).ok()
    }
}

pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("must be `on` or `off`: got `{other}`")),
    }
}

/// A number over zero, or none.
pub(super) fn parse_limit(text: &str) -> Result<Option<NonZeroU32>, String> {
    match text {
        "off" => Ok(None),
        number => number
            .parse()
            .map(Some)
            .map_err(|_| format!("must be a whole number over zero, or `off`: got `{number}`")),
    }
}

/// A whole number with its unit: `500ms`, `5s`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
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
pub(super) fn parse_iam_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
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

/// The URL of an SQS queue, which names its account and itself in its path.
pub(super) fn parse_queue_url(text: &str) -> Result<Url, String> {
    match text.parse::<Url>() {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.path().len() > 1 => Ok(url),
        _ => Err(format!(
            "must be the URL of an SQS queue, such as `https://sqs.<region>.amazonaws.com/<account>/<queue>`: \
             got `{text}`"
        )),
    }
}
