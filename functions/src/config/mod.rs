//! Configuration: environment variables, read once at start, every mistake named at once.

mod reader;
mod values;

use std::{num::NonZeroU32, time::Duration};

use url::Url;

use self::{
    reader::Reader,
    values::{
        CALLBACK_TIMEOUTS, REQUEST_TIMEOUTS, parse_duration, parse_iam_url, parse_issuer, parse_limit,
        parse_queue_url, parse_region, parse_service, parse_switch, parse_table, written,
    },
};
use crate::{
    delivery::{AddressPolicy, Registry, SigningKeySource},
    iam::IamSettings,
    telemetry::LogFilter,
    time_budget::CONFIRM_RESERVE,
};

pub use crate::{delivery::SIGNING_KEY_SECRET, telemetry::LOG};

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
/// The private keys that sign callbacks.
pub const SIGNING_KEY: &str = "KEYSYNC_SIGNING_KEY";
/// How long a service has to answer a callback.
pub const CALLBACK_TIMEOUT: &str = "KEYSYNC_CALLBACK_TIMEOUT";
/// How long a request may take.
pub const REQUEST_TIMEOUT: &str = "KEYSYNC_REQUEST_TIMEOUT";
/// How many requests a minute one caller may make.
pub const CALLER_LIMIT: &str = "KEYSYNC_CALLER_LIMIT";
/// Whether plain HTTP and loopback are allowed.
pub const LOOPBACK_TEST_MODE: &str = "KEYSYNC_LOOPBACK_TEST_MODE";
/// Where events go that will never come right.
pub const DEAD_LETTER_QUEUE: &str = "KEYSYNC_DEAD_LETTER_QUEUE";

/// What every function needs to know: the ledger, and how to tell the services. `redeliver` needs no more.
#[derive(Debug)]
pub struct CommonConfig {
    /// `KEYSYNC_TABLE`, default `keysync`.
    pub table: String,
    /// `KEYSYNC_CALLBACKS`, required: a JSON object of service name → URL.
    pub registry: Registry,
    /// `KEYSYNC_SIGNING_KEY`, one `whsk_…` or two, or `KEYSYNC_SIGNING_KEY_SECRET`, the secret that holds
    /// them. One of the two settings is required.
    pub signing_keys: SigningKeySource,
    /// `KEYSYNC_LOOPBACK_TEST_MODE`, default `off`.
    pub addresses: AddressPolicy,
    /// `KEYSYNC_CALLBACK_TIMEOUT`, default `5s`.
    pub callback_timeout: Duration,
    /// `KEYSYNC_REQUEST_TIMEOUT`, default `25s`.
    pub request_timeout: Duration,
}

/// What `sync` needs to know.
#[derive(Debug)]
pub struct SyncConfig {
    /// As every function.
    pub common: CommonConfig,
    /// `KEYSYNC_IAM_URL`, `KEYSYNC_IAM_ISSUER`, `KEYSYNC_SERVICE`, `KEYSYNC_REGION`.
    pub iam: IamSettings,
    /// `KEYSYNC_CALLER_LIMIT`, requests a minute of one caller at one process, default `600`; `None` for `off`.
    pub caller_limit: Option<NonZeroU32>,
}

/// What `lifecycle` needs to know.
#[derive(Debug)]
pub struct LifecycleConfig {
    /// As every function.
    pub common: CommonConfig,
    /// `KEYSYNC_DEAD_LETTER_QUEUE`, required: the URL of an SQS queue.
    pub dead_letter_queue: Url,
}

/// Every mistake in the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} mistake(s): {}", .0.len(), .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// The process's environment. What is not UTF-8 in it becomes U+FFFD, which no setting can hold.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl CommonConfig {
    /// Reads the settings of `redeliver` from wherever `get` finds them.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |read| {
            let addresses = addresses(read);
            let config = Self::take(read, addresses)?;
            read.check(CALLBACK_TIMEOUT, fits(config.callback_timeout, config.request_timeout));
            Some(config)
        })
    }

    fn take(read: &mut Reader<impl Fn(&str) -> Option<String>>, addresses: AddressPolicy) -> Option<Self> {
        let table = read.or(TABLE, "keysync", parse_table);
        let registry = read.required(CALLBACKS, |text| Registry::from_json(text, addresses));
        let signing_keys = read.one_of(
            (SIGNING_KEY, |text| text.parse().map(SigningKeySource::Given)),
            (SIGNING_KEY_SECRET, |text| text.parse().map(SigningKeySource::Secret)),
        );
        let callback_timeout =
            read.or(CALLBACK_TIMEOUT, "5s", |text| parse_duration(text, &CALLBACK_TIMEOUTS));
        let request_timeout = read.or(REQUEST_TIMEOUT, "25s", |text| parse_duration(text, &REQUEST_TIMEOUTS));
        // Telemetry has read it before, so that mistakes can be logged.
        read.or(LOG, "", str::parse::<LogFilter>)?;
        Some(Self {
            table: table?,
            registry: registry?,
            signing_keys: signing_keys?,
            addresses,
            callback_timeout: callback_timeout?,
            request_timeout: request_timeout?,
        })
    }
}

impl SyncConfig {
    /// Reads settings from wherever `get` finds them.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |read| {
            let addresses = addresses(read);
            let common = CommonConfig::take(read, addresses);
            let url = read.or(IAM_URL, "https://iam.cloud.ibm.com", |text| parse_iam_url(text, addresses));
            let issuer = read
                .or(IAM_ISSUER, "https://iam.cloud.ibm.com/identity", |text| parse_issuer(text, addresses));
            let service = read.or(SERVICE, "hs-crypto", parse_service);
            let region = read.or(REGION, "us-south", parse_region);
            let caller_limit = read.or(CALLER_LIMIT, "600", parse_limit);
            let iam = IamSettings { url: url?, issuer: issuer?, service: service?, region: region? };
            Some(Self { common: common?, iam, caller_limit: caller_limit? })
        })
    }
}

impl LifecycleConfig {
    /// Reads settings from wherever `get` finds them.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |read| {
            let addresses = addresses(read);
            let common = CommonConfig::take(read, addresses);
            let dead_letter_queue = read.required(DEAD_LETTER_QUEUE, |text| parse_queue_url(text, addresses));
            Some(Self { common: common?, dead_letter_queue: dead_letter_queue? })
        })
    }
}

/// A run of `redeliver` starts nothing that might not be over, and confirmed, by its end.
fn fits(callback: Duration, request: Duration) -> Result<(), String> {
    let most = request.saturating_sub(CONFIRM_RESERVE);
    if callback < most {
        return Ok(());
    }
    Err(format!(
        "must be less than {}, which is what {REQUEST_TIMEOUT} leaves of its {} after {} for the confirmation: got `{}`",
        written(most),
        written(request),
        written(CONFIRM_RESERVE),
        written(callback)
    ))
}

fn addresses(read: &mut Reader<impl Fn(&str) -> Option<String>>) -> AddressPolicy {
    match read.or(LOOPBACK_TEST_MODE, "off", parse_switch) {
        Some(true) => AddressPolicy::LoopbackTest,
        _ => AddressPolicy::PublicOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

    fn from(settings: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn read(settings: &[(&str, &str)]) -> Result<SyncConfig, ConfigError> {
        SyncConfig::read(from(settings))
    }

    #[test]
    fn two_settings_are_enough() {
        let config =
            read(&[(CALLBACKS, r#"{"cloud-object-storage":"https://cos.example/"}"#), (SIGNING_KEY, KEY)])
                .unwrap();
        assert_eq!(config.iam.issuer, "https://iam.cloud.ibm.com/identity");
        assert_eq!(config.caller_limit.map(NonZeroU32::get), Some(600));
        let common = config.common;
        assert_eq!((common.table.as_str(), common.addresses), ("keysync", AddressPolicy::PublicOnly));
        assert_eq!(
            (common.callback_timeout, common.request_timeout),
            (Duration::from_secs(5), Duration::from_secs(25))
        );
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let ConfigError(mistakes) = read(&[
            (TABLE, " "),
            (REGION, "us south"),
            (SERVICE, "s3"),
            (LOG, "inof"),
            (IAM_URL, "http://iam.example"),
            (IAM_ISSUER, "iam"),
            (CALLBACK_TIMEOUT, "5"),
            (REQUEST_TIMEOUT, "0s"),
            (LOOPBACK_TEST_MODE, "yes"),
            (CALLER_LIMIT, "0"),
            (SIGNING_KEY, "whsk_hunter2"),
        ])
        .unwrap_err();
        let text = mistakes.join("\n");
        for name in [
            TABLE,
            REGION,
            SERVICE,
            LOG,
            IAM_URL,
            IAM_ISSUER,
            CALLBACK_TIMEOUT,
            REQUEST_TIMEOUT,
            LOOPBACK_TEST_MODE,
            CALLER_LIMIT,
            SIGNING_KEY,
            CALLBACKS,
        ] {
            assert!(text.contains(name), "{name} is missing in\n{text}");
        }
        assert_eq!(mistakes.len(), 12, "{text}");
        assert!(!text.contains("hunter2"), "a secret is not repeated");
    }

    #[test]
    fn callback_timeout_fits_into_request_timeout() {
        let with = |callback, request| {
            let timeouts = [(CALLBACK_TIMEOUT, callback), (REQUEST_TIMEOUT, request)];
            let settings = [&[(CALLBACKS, "{}"), (SIGNING_KEY, KEY)][..], &timeouts].concat();
            CommonConfig::read(from(&settings)).map(drop).map_err(|ConfigError(mistakes)| mistakes.join("\n"))
        };
        assert_eq!(with("22999ms", "25s"), Ok(()));
        let message = with("23s", "25s").unwrap_err();
        assert!(message.contains(CALLBACK_TIMEOUT) && message.contains("less than 23s"), "{message}");
    }

    #[test]
    fn value_that_is_not_utf_8_is_named() {
        let ConfigError(mistakes) =
            read(&[(IAM_URL, "https://iam\u{fffd}.example"), (CALLBACKS, "{}"), (SIGNING_KEY, KEY)])
                .unwrap_err();
        assert_eq!(mistakes, [format!("{IAM_URL} must be valid UTF-8")]);
    }

    #[test]
    fn the_signing_key_is_given_in_one_way() {
        let with = |settings: &[(&str, &str)]| {
            let settings = [&[(CALLBACKS, "{}")], settings].concat();
            CommonConfig::read(from(&settings)).map_err(|ConfigError(mistakes)| mistakes)
        };
        let (key, secret) = ((SIGNING_KEY, KEY), (SIGNING_KEY_SECRET, "keysync/signing-key"));
        assert!(matches!(with(&[key]).unwrap().signing_keys, SigningKeySource::Given(_)));
        assert!(matches!(with(&[secret]).unwrap().signing_keys, SigningKeySource::Secret(_)));
        assert_eq!(
            with(&[]).unwrap_err(),
            [format!("{SIGNING_KEY} or {SIGNING_KEY_SECRET} is required, and neither is set")]
        );
        assert_eq!(
            with(&[key, secret]).unwrap_err(),
            [format!("{SIGNING_KEY} and {SIGNING_KEY_SECRET} are both set: take out one of them")]
        );
        let [pasted] = &with(&[(SIGNING_KEY_SECRET, KEY)]).unwrap_err()[..] else { panic!("one mistake") };
        assert!(pasted.starts_with(SIGNING_KEY_SECRET) && !pasted.contains(KEY), "{pasted}");
    }

    #[test]
    fn each_function_asks_for_what_it_needs() {
        let enough = [(CALLBACKS, "{}"), (SIGNING_KEY, KEY)];
        assert!(CommonConfig::read(from(&enough)).is_ok());
        let ConfigError(mistakes) = LifecycleConfig::read(from(&enough)).unwrap_err();
        assert_eq!(mistakes, [format!("{DEAD_LETTER_QUEUE} is required and not set")]);
        let with = |queue| {
            LifecycleConfig::read(from(&[enough[0], enough[1], (DEAD_LETTER_QUEUE, queue)])).map(drop)
        };
        assert!(with("https://sqs.us-east-1.amazonaws.com/123456789012/dead").is_ok());
        assert!(with("dead").is_err() && with("https://sqs.us-east-1.amazonaws.com").is_err());
    }

    #[test]
    fn iam_without_tls_takes_test_mode_and_loopback() {
        let with =
            |url| read(&[(IAM_URL, url), (LOOPBACK_TEST_MODE, "on"), (CALLBACKS, "{}"), (SIGNING_KEY, KEY)]);
        assert!(with("http://127.0.0.1:8080").is_ok() && with("http://localhost:1").is_ok());
        assert!(with("http://iam.example").is_err());
    }
}
