//! The URL of a service's callbacks.

use std::net::Ipv4Addr;

use url::{Host, Url};

use crate::{delivery::AddressPolicy, excerpt::excerpt};

/// The maximum length of a URL in a setting, in bytes (`docs/reference/limits.md#url`).
pub const MAX_URL_BYTES: usize = 2048;

/// The rule that the JSON schema of the registry states for a URL.
pub(super) const RULE: &str =
    "must be an https URL of at most 2048 printable ASCII characters without `\"`, `#`, `@` or `\\`";

/// Parses a callback URL. An error states the rule that it breaks.
pub(super) fn parse_callback_url(text: &str, policy: AddressPolicy) -> Result<Url, String> {
    let is_allowed = |c: char| c.is_ascii_graphic() && !['"', '#', '@', '\\'].contains(&c);
    let (scheme, rest) = text.split_once("://").ok_or(RULE)?;
    let is_scheme_allowed = scheme == "https" || scheme == "http" && policy == AddressPolicy::LoopbackTest;
    if !is_scheme_allowed || text.len() > MAX_URL_BYTES || !text.chars().all(is_allowed) {
        return Err(RULE.to_owned());
    }
    // Narrower than the URL standard, which removes, decodes and converts characters of a host:
    // what the operator reads is where callbacks go.
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if !has_host_and_port(authority) {
        return Err("must have a host name or address, and a port from 1 to 65535 if any".to_owned());
    }
    let url: Url = text.parse().map_err(|error| format!("is invalid ({error})"))?;
    // The SSRF guard checks names when they are resolved. Literal addresses are never resolved.
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(name)) if is_localhost(name) => Some(Ipv4Addr::LOCALHOST.into()),
        Some(Host::Domain(_)) => None,
        None => return Err("must have a host".to_owned()),
    };
    if literal.is_some_and(|address| !policy.allows(address)) {
        return Err("must not be a private, loopback, link-local or other special-purpose address".to_owned());
    }
    Ok(url)
}

/// Whether `authority` is a host and an optional port: a name whose last label starts with a
/// letter, four decimal numbers, or an IPv6 address in brackets.
fn has_host_and_port(authority: &str) -> bool {
    let end = authority.find(']').unwrap_or_default();
    let (host, port) = match authority[end..].find(':') {
        Some(at) => (&authority[..end + at], Some(&authority[end + at + 1..])),
        None => (authority, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|c| c.is_ascii_digit()) && !port.starts_with('0') && port.parse::<u16>().is_ok()
    };
    port.is_none_or(is_port) && (is_name(host) || is_ipv4(host) || is_ipv6(host))
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_ipv4(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok()
}

fn is_ipv6(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Whether a name is `localhost` or below it, and so a loopback address (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// Returns an excerpt of a URL without its path, which may contain a token.
pub(super) fn excerpt_of_url(text: &str) -> String {
    let host = text.find("://").map_or(0, |at| at + 3);
    match text[host..].find(['/', '?', '#', '\\']) {
        Some(end) => excerpt(&text[..host + end]) + "/…",
        None => excerpt(text),
    }
}
