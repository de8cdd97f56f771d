//! Parsers of the values of settings.
//!
//! An error message states the rule and shows an excerpt of the value, without secrets.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use url::{Host, Url};

use crate::{
    delivery::{AddressPolicy, MAX_URL_BYTES},
    excerpt::excerpt,
};

/// The maximum length of a region, in characters; the longest in use has 8
/// (docs/reference/limits.md#region).
const MAX_REGION_CHARS: usize = 32;
/// The maximum rate limit, in requests per minute (docs/reference/limits.md#caller-limit).
const MAX_CALLER_LIMIT: u32 = 9_999_999;

/// The range of the timeout of a delivery attempt. The maximum is less than that of an invocation.
pub(super) const CALLBACK_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_mins(14);
/// The range of the time limit of an invocation: at least the reserve for the confirmation and 1 s
/// for deliveries, at most Lambda's maximum (docs/reference/limits.md#request-timeout).
pub(super) const REQUEST_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(3)..=Duration::from_mins(15);

/// Parses the name of a table (naming rules of DynamoDB) or its ARN.
pub(super) fn parse_table(text: &str) -> Result<String, String> {
    let name = match text.strip_prefix("arn:") {
        None => Some(text),
        Some(arn) => table_in_arn(arn),
    };
    let is_valid = |name: &str| {
        (3..=255).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c))
    };
    if name.is_some_and(is_valid) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "must be the name of a DynamoDB table (3 to 255 of A-Z, a-z, 0-9, `_`, `.` and `-`) or its ARN: got `{}`",
        excerpt(text)
    ))
}

/// The table's name in the part of an ARN after `arn:`:
/// `aws:dynamodb:<region>:<account>:table/<name>`.
fn table_in_arn(arn: &str) -> Option<&str> {
    let [partition, service, region, account, resource] = arn.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_valid = partition.starts_with("aws")
        && service == "dynamodb"
        && [partition, region].iter().all(|part| is_region(part))
        && account.len() == 12
        && account.bytes().all(|c| c.is_ascii_digit());
    resource.strip_prefix("table/").filter(|_| is_valid)
}

/// Parses the region in CRNs.
pub(super) fn parse_region(text: &str) -> Result<String, String> {
    if is_region(text) {
        return Ok(text.to_owned());
    }
    Err(format!("must be an IBM Cloud region, such as `us-south`: got `{}`", excerpt(text)))
}

/// Whether `text` consists of words of lower-case letters and digits, separated by `-`, of which
/// the first has at least two letters and no digits.
fn is_region(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let first = text.split('-').next().unwrap_or_default();
    text.len() <= MAX_REGION_CHARS
        && text.split('-').all(is_word)
        && first.len() >= 2
        && first.bytes().all(|c| c.is_ascii_lowercase())
}

/// Parses the service name in CRNs.
pub(super) fn parse_service(text: &str) -> Result<String, String> {
    match text {
        "hs-crypto" | "kms" => Ok(text.to_owned()),
        other => Err(format!("must be `hs-crypto` or `kms`: got `{}`", excerpt(other))),
    }
}

/// Parses the loopback test mode.
pub(super) fn parse_test_mode(text: &str) -> Result<AddressPolicy, String> {
    match text {
        "on" => Ok(AddressPolicy::LoopbackTest),
        "off" => Ok(AddressPolicy::PublicOnly),
        other => Err(format!("must be `on` or `off`: got `{}`", excerpt(other))),
    }
}

/// Parses a rate limit: a positive integer, or `None` for `off`.
pub(super) fn parse_limit(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "off" {
        return Ok(None);
    }
    let number = number(text).and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new);
    number.filter(|number| number.get() <= MAX_CALLER_LIMIT).map(Some).ok_or_else(|| {
        format!("must be an integer from 1 to {MAX_CALLER_LIMIT}, or `off`: got `{}`", excerpt(text))
    })
}

/// Parses a duration: an integer with its unit, such as `500ms` or `5s`.
pub(super) fn parse_duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = if let Some(millis) = text.strip_suffix("ms") {
        number(millis).map(Duration::from_millis)
    } else {
        text.strip_suffix('s').and_then(number).map(Duration::from_secs)
    };
    duration.filter(|duration| range.contains(duration)).ok_or_else(|| {
        format!(
            "must be a duration from {} to {} with its unit, such as `500ms` or `5s`: got `{}`",
            with_unit(*range.start()),
            with_unit(*range.end()),
            excerpt(text)
        )
    })
}

/// Formats a duration in the form of settings.
pub(super) fn with_unit(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

/// Parses decimal digits, without a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses a URL that must use TLS, except for loopback addresses in the test mode.
fn parse_base_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    let url = parse_url(text)?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    };
    if url.scheme() == "https" || is_loopback && addresses == AddressPolicy::LoopbackTest {
        return Ok(url);
    }
    Err(format!("must start with https://: got `{}`", excerpt(text)))
}

/// Parses an HTTP URL without user name, password, query and fragment.
fn parse_url(text: &str) -> Result<Url, String> {
    let invalid = |rule: &str| format!("{rule}: got `{}`", excerpt(text));
    if text.len() > MAX_URL_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("must be a URL of up to 2048 characters without spaces"));
    }
    let url: Url = text.parse().map_err(|error| invalid(&format!("must be a URL ({error})")))?;
    if !["https", "http"].contains(&url.scheme()) {
        return Err(invalid("must start with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("must not contain a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("must not contain a query or a fragment"));
    }
    if url.port() == Some(0) {
        return Err(invalid("must not have port 0"));
    }
    Ok(url)
}

/// Parses the base URL of IAM, to which callers' tokens are sent.
pub(super) fn parse_iam_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    parse_base_url(text, addresses)
}

/// Parses the issuer, which must equal the claim `iss` character by character: a URL (`OpenID`
/// Connect Discovery 1.0, section 3).
pub(super) fn parse_issuer(text: &str, addresses: AddressPolicy) -> Result<String, String> {
    parse_base_url(text, addresses).map(|_| text.to_owned())
}

/// Parses the URL of an SQS standard queue, whose path is account and name.
pub(super) fn parse_queue_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    // An AWS emulator may run in another container than the tests, and may have a path before the
    // account.
    let is_test = addresses == AddressPolicy::LoopbackTest;
    let url = if is_test { parse_url(text)? } else { parse_base_url(text, addresses)? };
    let is_valid = |name: &str| {
        (1..=80).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c))
    };
    match url.path().trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
        [.., queue] if queue.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") => Err(format!(
            "must be a standard queue: a FIFO queue requires a message group: got `{}`",
            excerpt(text)
        )),
        [ref prefix @ .., account, queue]
            if is_valid(account) && is_valid(queue) && (is_test || prefix.is_empty()) =>
        {
            Ok(url)
        }
        _ => Err(format!(
            "must be the URL of an SQS queue, such as `https://sqs.<region>.amazonaws.com/<account>/<queue>`: \
             got `{}`",
            excerpt(text)
        )),
    }
}

#[cfg(test)]
mod tests;
