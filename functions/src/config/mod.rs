//! Configuration from environment variables, read once at init. An error lists every problem
//! (docs/reference/configuration.md).

mod reader;
mod values;

use std::{num::NonZeroU32, time::Duration};

use url::Url;

use self::{
    reader::Reader,
    values::{
        CALLBACK_TIMEOUTS, REQUEST_TIMEOUTS, parse_duration, parse_iam_url, parse_issuer, parse_limit,
        parse_queue_url, parse_region, parse_service, parse_table, parse_test_mode, with_unit,
    },
};
use crate::{
    delivery::{AddressPolicy, KeySource, Registry, SigningKeySource, SymmetricKeySource},
    iam::IamSettings,
    ledger::DynamoDbClient,
    telemetry::{LogFilter, MetricsNamespace},
    time_budget::CONFIRM_RESERVE,
};

pub use crate::{
    delivery::{SERVICE_SECRETS, SIGNING_KEY_SECRET},
    ledger::DYNAMODB_CLIENT,
    telemetry::{LOG, METRICS_NAMESPACE},
};

/// The DynamoDB table: its name or ARN.
pub const TABLE: &str = "KEYSYNC_TABLE";
/// The region in CRNs.
pub const REGION: &str = "KEYSYNC_REGION";
/// The service name in CRNs.
pub const SERVICE: &str = "KEYSYNC_SERVICE";
/// The base URL of IAM.
pub const IAM_URL: &str = "KEYSYNC_IAM_URL";
/// The issuer of access tokens.
pub const IAM_ISSUER: &str = "KEYSYNC_IAM_ISSUER";
/// The registry of the associated services.
pub const SERVICES: &str = "KEYSYNC_SERVICES";
/// The private keys that sign notifications.
pub const SIGNING_KEY: &str = "KEYSYNC_SIGNING_KEY";
/// The timeout of one delivery attempt.
pub const CALLBACK_TIMEOUT: &str = "KEYSYNC_CALLBACK_TIMEOUT";
/// The time limit of an invocation.
pub const REQUEST_TIMEOUT: &str = "KEYSYNC_REQUEST_TIMEOUT";
/// The requests per minute of one caller.
pub const CALLER_LIMIT: &str = "KEYSYNC_CALLER_LIMIT";
/// Whether plain HTTP and loopback addresses are allowed, for tests.
pub const LOOPBACK_TEST_MODE: &str = "KEYSYNC_LOOPBACK_TEST_MODE";
/// The URL of the dead-letter queue.
pub const DEAD_LETTER_QUEUE: &str = "KEYSYNC_DEAD_LETTER_QUEUE";

/// The settings of every function. `redeliver` has no others.
#[derive(Debug)]
pub struct CommonConfig {
    /// `KEYSYNC_TABLE`, default `keysync`.
    pub table: String,
    /// `KEYSYNC_DYNAMODB_CLIENT`, default `thin`.
    pub dynamodb_client: DynamoDbClient,
    /// `KEYSYNC_SERVICES`, required: a JSON object of service name → settings.
    pub registry: Registry,
    /// `KEYSYNC_SIGNING_KEY`, one or two `whsk_…` keys, or `KEYSYNC_SIGNING_KEY_SECRET`, the secret
    /// with them. Exactly one of the two settings is required. And `KEYSYNC_SERVICE_SECRETS`, the
    /// secret with the symmetric secrets of services, required if a service of the registry has
    /// one.
    pub signing_keys: SigningKeySource,
    /// `KEYSYNC_LOOPBACK_TEST_MODE`, default `off`.
    pub addresses: AddressPolicy,
    /// `KEYSYNC_CALLBACK_TIMEOUT`, default `5s`.
    pub callback_timeout: Duration,
    /// `KEYSYNC_REQUEST_TIMEOUT`, default `25s`.
    pub request_timeout: Duration,
}

/// The settings of `sync`.
#[derive(Debug)]
pub struct SyncConfig {
    /// The settings of every function.
    pub common: CommonConfig,
    /// `KEYSYNC_IAM_URL`, `KEYSYNC_IAM_ISSUER`, `KEYSYNC_SERVICE`, `KEYSYNC_REGION`.
    pub iam: IamSettings,
    /// `KEYSYNC_CALLER_LIMIT`, requests per minute of one caller in one process, default `600`;
    /// `None` for `off`.
    pub caller_limit: Option<NonZeroU32>,
}

/// The settings of `lifecycle`.
#[derive(Debug)]
pub struct LifecycleConfig {
    /// The settings of every function.
    pub common: CommonConfig,
    /// `KEYSYNC_DEAD_LETTER_QUEUE`, required: the URL of an SQS queue.
    pub dead_letter_queue: Url,
}

/// An invalid configuration: every problem, each with the name of its setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s): {}", .0.len(), .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// The value of an environment variable. Bytes that are not UTF-8 become U+FFFD, which every
/// setting rejects.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl CommonConfig {
    /// Reads the settings of `redeliver` with `get`, such as [`environment`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |reader| {
            let addresses = addresses(reader);
            let config = Self::read_common(reader, addresses)?;
            reader.check(CALLBACK_TIMEOUT, check_timeout(config.callback_timeout, config.request_timeout));
            for (service, settings) in config.registry.services() {
                let timeout = settings.timeout.unwrap_or_default();
                let checked = check_timeout(timeout, config.request_timeout);
                reader.check(
                    SERVICES,
                    checked.map_err(|error| format!("`timeoutSeconds` of `{service}` {error}")),
                );
            }
            Some(config)
        })
    }

    fn read_common(
        reader: &mut Reader<impl Fn(&str) -> Option<String>>,
        addresses: AddressPolicy,
    ) -> Option<Self> {
        let table = reader.or(TABLE, "keysync", parse_table);
        let dynamodb_client = reader.or(DYNAMODB_CLIENT, "thin", str::parse);
        let registry = reader.required(SERVICES, |text| Registry::from_json(text, addresses));
        let keys = reader.one_of(
            (SIGNING_KEY, |text| text.parse().map(KeySource::Given)),
            (SIGNING_KEY_SECRET, |text| text.parse().map(KeySource::Secret)),
        );
        let symmetric = registry.as_ref().map(Registry::with_symmetric_signature).unwrap_or_default();
        let has_symmetric = !symmetric.is_empty();
        let symmetric = has_symmetric
            .then(|| reader.required(SERVICE_SECRETS, str::parse))
            .flatten()
            .map(|secret| SymmetricKeySource { secret, services: symmetric });
        let callback_timeout =
            reader.or(CALLBACK_TIMEOUT, "5s", |text| parse_duration(text, &CALLBACK_TIMEOUTS));
        let request_timeout =
            reader.or(REQUEST_TIMEOUT, "25s", |text| parse_duration(text, &REQUEST_TIMEOUTS));
        // Telemetry applied them before, to log these problems; here an invalid value becomes one
        // of them.
        let log = reader.or(LOG, "", str::parse::<LogFilter>);
        let namespace = reader.or(METRICS_NAMESPACE, "keysync", str::parse::<MetricsNamespace>);
        log.and(namespace)?;
        Some(Self {
            table: table?,
            dynamodb_client: dynamodb_client?,
            registry: registry?,
            signing_keys: SigningKeySource { keys: keys?, symmetric },
            addresses,
            callback_timeout: callback_timeout?,
            request_timeout: request_timeout?,
        })
    }
}

impl SyncConfig {
    /// Reads the settings with `get`, such as [`environment`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |reader| {
            let addresses = addresses(reader);
            let common = CommonConfig::read_common(reader, addresses);
            let url = reader.or(IAM_URL, "https://iam.cloud.ibm.com", |text| parse_iam_url(text, addresses));
            let issuer = reader
                .or(IAM_ISSUER, "https://iam.cloud.ibm.com/identity", |text| parse_issuer(text, addresses));
            let service = reader.or(SERVICE, "hs-crypto", parse_service);
            let region = reader.or(REGION, "us-south", parse_region);
            let caller_limit = reader.or(CALLER_LIMIT, "600", parse_limit);
            let iam = IamSettings { url: url?, issuer: issuer?, service: service?, region: region? };
            Some(Self { common: common?, iam, caller_limit: caller_limit? })
        })
    }
}

impl LifecycleConfig {
    /// Reads the settings with `get`, such as [`environment`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Reader::read(get, |reader| {
            let addresses = addresses(reader);
            let common = CommonConfig::read_common(reader, addresses);
            let dead_letter_queue =
                reader.required(DEAD_LETTER_QUEUE, |text| parse_queue_url(text, addresses));
            Some(Self { common: common?, dead_letter_queue: dead_letter_queue? })
        })
    }
}

/// Checks that a delivery attempt of `redeliver` can end and be confirmed within its invocation.
fn check_timeout(callback: Duration, request: Duration) -> Result<(), String> {
    let limit = request.saturating_sub(CONFIRM_RESERVE);
    if callback < limit {
        return Ok(());
    }
    Err(format!(
        "must be less than {}, which is {REQUEST_TIMEOUT} ({}) minus {} for the confirmation: got `{}`",
        with_unit(limit),
        with_unit(request),
        with_unit(CONFIRM_RESERVE),
        with_unit(callback)
    ))
}

/// Reads the address policy. If it is invalid, other settings are checked by the stricter one.
fn addresses(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> AddressPolicy {
    reader.or(LOOPBACK_TEST_MODE, "off", parse_test_mode).unwrap_or(AddressPolicy::PublicOnly)
}

#[cfg(test)]
mod tests;
