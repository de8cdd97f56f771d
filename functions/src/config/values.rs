//! The values of settings: what each may be, and what is said where it is not that.
//!
//! A message says what has to be there and shows what is, cut short, and never where it may be a secret.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use url::{Host, Url};

use crate::{
    delivery::{AddressPolicy, MAX_URL_BYTES},
    excerpt::excerpt,
};

/// The longest region. The longest that there is has 8.
const LONGEST_REGION: usize = 32;
/// The most requests a minute that a limit can be.
const MAX_CALLER_LIMIT: u32 = 9_999_999;

/// How long a service can have to answer a callback: less than a run of `redeliver` can take.
pub(super) const CALLBACK_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_mins(14);
/// How long a request can take: what confirming is kept for, and something for the callbacks; what Lambda allows.
pub(super) const REQUEST_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(3)..=Duration::from_mins(15);

/// The name of a table, or its ARN (DynamoDB's naming rules).
pub(super) fn parse_table(text: &str) -> Result<String, String> {
    let name = match text.strip_prefix("arn:") {
        None => Some(text),
        Some(arn) => table_in_arn(arn),
    };
    let is_fit = |name: &str| {
        (3..=255).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c))
    };
    if name.is_some_and(is_fit) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "must be the name of a DynamoDB table (3 to 255 of A-Z, a-z, 0-9, `_`, `.` and `-`) or its ARN: got `{}`",
        excerpt(text)
    ))
}

/// The table's name in what follows `arn:`, as in `aws:dynamodb:<region>:<account>:table/<name>`.
fn table_in_arn(arn: &str) -> Option<&str> {
    let [partition, service, region, account, resource] = arn.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_fit = partition.starts_with("aws")
        && service == "dynamodb"
        && [partition, region].iter().all(|part| is_region(part))
        && account.len() == 12
        && account.bytes().all(|c| c.is_ascii_digit());
    resource.strip_prefix("table/").filter(|_| is_fit)
}

/// The region in CRNs.
pub(super) fn parse_region(text: &str) -> Result<String, String> {
    if is_region(text) {
        return Ok(text.to_owned());
    }
    Err(format!("must be a region as CRNs name it, such as `us-south`: got `{}`", excerpt(text)))
}

/// Words of lower-case letters and digits with hyphens between, the first of two letters or more.
fn is_region(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let first = text.split('-').next().unwrap_or_default();
    text.len() <= LONGEST_REGION
        && text.split('-').all(is_word)
        && first.len() >= 2
        && first.bytes().all(|c| c.is_ascii_lowercase())
}

/// The service name in CRNs.
pub(super) fn parse_service(text: &str) -> Result<String, String> {
    match text {
        "hs-crypto" | "kms" => Ok(text.to_owned()),
        other => Err(format!("must be `hs-crypto` or `kms`: got `{}`", excerpt(other))),
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("must be `on` or `off`: got `{}`", excerpt(other))),
    }
}

/// A number over zero, or none.
pub(super) fn parse_limit(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "off" {
        return Ok(None);
    }
    let number = number(text).and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new);
    number.filter(|number| number.get() <= MAX_CALLER_LIMIT).map(Some).ok_or_else(|| {
        format!("must be an integer from 1 to {MAX_CALLER_LIMIT}, or `off`: got `{}`", excerpt(text))
    })
}

/// An integer with its unit: `500ms`, `5s`.
pub(super) fn parse_duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = if let Some(millis) = text.strip_suffix("ms") {
        number(millis).map(Duration::from_millis)
    } else {
        text.strip_suffix('s').and_then(number).map(Duration::from_secs)
    };
    duration.filter(|duration| range.contains(duration)).ok_or_else(|| {
        format!(
            "must be a duration from {} to {} with its unit, such as `500ms` or `5s`: got `{}`",
            written(*range.start()),
            written(*range.end()),
            excerpt(text)
        )
    })
}

/// A duration as settings have it.
pub(super) fn written(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

/// Digits and nothing else: no sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A URL that something is reached at or known by. It takes TLS; only tests on one machine may do without.
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

/// An HTTP URL with no user name or password, no query, no fragment.
fn parse_url(text: &str) -> Result<Url, String> {
    let wrong = |problem: &str| format!("{problem}: got `{}`", excerpt(text));
    if text.len() > MAX_URL_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("must be a URL of up to 2048 characters without spaces"));
    }
    let url: Url = text.parse().map_err(|error| wrong(&format!("must be a URL ({error})")))?;
    if !["https", "http"].contains(&url.scheme()) {
        return Err(wrong("must start with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not hold a query or a fragment"));
    }
    if url.port() == Some(0) {
        return Err(wrong("must not name port 0"));
    }
    Ok(url)
}

/// Tokens are sent there.
pub(super) fn parse_iam_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    parse_base_url(text, addresses)
}

/// The issuer of tokens, which they must bear to the letter: a URL (`OpenID` Connect Discovery 1.0, section 3).
pub(super) fn parse_issuer(text: &str, addresses: AddressPolicy) -> Result<String, String> {
    parse_base_url(text, addresses).map(|_| text.to_owned())
}

/// The URL of an SQS queue, which names its account and itself in its path.
pub(super) fn parse_queue_url(text: &str, addresses: AddressPolicy) -> Result<Url, String> {
    // An emulator of AWS may be in a container beside the tests, and put more in front of the account.
    let is_test = addresses == AddressPolicy::LoopbackTest;
    let url = if is_test { parse_url(text)? } else { parse_base_url(text, addresses)? };
    let is_fit = |name: &str| {
        (1..=80).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c))
    };
    match url.path().trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
        [.., queue] if queue.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") => Err(format!(
            "must be a standard queue, not a FIFO queue, which takes no message without a group: got `{}`",
            excerpt(text)
        )),
        [ref before @ .., account, queue]
            if is_fit(account) && is_fit(queue) && (is_test || before.is_empty()) =>
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
mod tests {
    use super::*;

    #[test]
    fn table_is_a_name_or_an_arn() {
        let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/keysync";
        let china = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/keysync";
        for good in ["keysync", "key", "keysync-Table_1.A", &"a".repeat(255), arn, china] {
            assert_eq!(parse_table(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            " ",
            "ab",
            "key sync",
            "keysync\n",
            "keysync\u{0}",
            "schlüssel",
            "keysync/x",
            &"a".repeat(256),
            "arn:aws",
            "arn:aws:dynamodb:us-east-1:123456789012:table/",
            "arn:aws:s3:us-east-1:123456789012:table/keysync",
            "arn:aws:dynamodb:us east:123456789012:table/keysync",
            "arn:aws:dynamodb:us-east-1:12345:table/keysync",
            "arn:aws:dynamodb:us-east-1:123456789012:table/keysync/index/due",
        ] {
            let message = parse_table(bad).expect_err(bad);
            assert!(message.contains("a DynamoDB table") && !message.contains(['\n', '\0']), "{message}");
        }
    }

    #[test]
    fn region_is_lower_case_words() {
        for good in ["us-south", "eu-de", "jp-tok", "eu-fr2", "global"] {
            assert_eq!(parse_region(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            " ",
            "us south",
            "us-south\n",
            "US-South",
            "us-",
            "-us",
            "u",
            "us:south",
            "us/south",
            &"a".repeat(33),
        ] {
            parse_region(bad).expect_err(bad);
        }
    }

    #[test]
    fn service_is_one_of_two() {
        assert!(parse_service("hs-crypto").is_ok() && parse_service("kms").is_ok());
        for bad in ["", "HS-Crypto", "kms ", "s3"] {
            assert!(parse_service(bad).expect_err(bad).contains("`hs-crypto` or `kms`"));
        }
    }

    #[test]
    fn numbers_have_bounds_and_no_sign() {
        assert_eq!(parse_limit("off"), Ok(None));
        assert_eq!(parse_limit("9999999").unwrap().map(NonZeroU32::get), Some(9_999_999));
        for bad in ["", "0", "+1", "-1", "1.5", "10000000", "4294967296", "99999999999999999999", "1 ", "Off"]
        {
            assert!(parse_limit(bad).expect_err(bad).contains("from 1 to 9999999"), "{bad}");
        }
    }

    #[test]
    fn durations_have_bounds_and_a_unit() {
        let parse = |text| parse_duration(text, &REQUEST_TIMEOUTS);
        assert_eq!(parse("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(parse("25500ms"), Ok(Duration::from_millis(25_500)));
        assert_eq!(parse("900s"), Ok(Duration::from_mins(15)));
        for bad in [
            "",
            "s",
            "ms",
            "5",
            "5 s",
            "+5s",
            "-5s",
            "5m",
            "0s",
            "2s",
            "901s",
            "18446744073709551615s",
            "1e9s",
        ] {
            let message = parse(bad).expect_err(bad);
            assert!(message.contains("from 3s to 900s"), "{message}");
        }
    }

    #[test]
    fn urls_have_no_more_than_they_need() {
        let at = |text: &str| parse_iam_url(text, AddressPolicy::PublicOnly);
        for good in ["https://iam.cloud.ibm.com", "https://iam.test.example:8443/a/"] {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "iam",
            "iam.cloud.ibm.com",
            "https://",
            "https:///",
            "http://iam.cloud.ibm.com",
            "ftp://iam.cloud.ibm.com",
            "http://127.0.0.1:1",
            "https://a b.example",
            "https://a.example/\n",
            " https://a.example",
            "https://a.example:0/",
            "https://a.example:99999/",
            "https://a.example/?b",
            "https://a.example/#b",
            "https://user@a.example/",
            &format!("https://a.example/{}", "a".repeat(2048)),
        ] {
            assert!(at(bad).expect_err(bad).chars().count() < 250, "{bad}");
        }
        let on_loopback = |text: &str| parse_iam_url(text, AddressPolicy::LoopbackTest);
        assert!(on_loopback("http://127.0.0.1:1").is_ok() && on_loopback("http://a.example").is_err());
        let issuer = |text: &str| parse_issuer(text, AddressPolicy::PublicOnly);
        assert_eq!(issuer("https://a.example/identity").as_deref(), Ok("https://a.example/identity"));
        assert!(issuer("iam").is_err() && issuer(" ").is_err());
    }

    #[test]
    fn queue_url_names_account_and_queue() {
        let at = |text: &str| parse_queue_url(text, AddressPolicy::PublicOnly);
        assert!(at("https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters").is_ok());
        for bad in [
            "dead",
            "https://sqs.us-east-1.amazonaws.com",
            "https://sqs.us-east-1.amazonaws.com/dead",
            "https://sqs.us-east-1.amazonaws.com/123456789012/",
            "https://sqs.us-east-1.amazonaws.com/1/a/b",
            "http://sqs.us-east-1.amazonaws.com/123456789012/dead",
            "https://sqs.us-east-1.amazonaws.com/1/a%20b",
            "https://sqs.us-east-1.amazonaws.com/123456789012/dead.fifo",
        ] {
            at(bad).expect_err(bad);
        }
    }

    #[test]
    fn queue_url_of_an_emulator_passes_in_test_mode() {
        for good in [
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/dead",
            "http://localstack:4566/000000000000/dead",
            "http://localhost:4566/queue/us-east-1/000000000000/dead",
        ] {
            assert!(parse_queue_url(good, AddressPolicy::LoopbackTest).is_ok(), "{good}");
            assert!(parse_queue_url(good, AddressPolicy::PublicOnly).is_err(), "{good}");
        }
    }
}
