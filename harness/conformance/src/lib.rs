//! Checks a running receiver of keysync's callbacks, in any language, against the [rules](Rule) for
//! receivers.
//!
//! It is the sender: it signs callbacks as of now with the keys of the test vectors
//! (`docs/reference/test-vectors.md`), serves their public key set, and judges a receiver by what
//! every receiver has, the status of its responses. What a receiver did, it can see only where the
//! receiver offers the number of events that it acted on ([`Options::effects_url`]). A rule that
//! cannot be checked is reported as such, never as passed.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod adapted;
mod checks;
mod effects;
mod exchange;
mod junit;
mod key_set;
mod report;
mod rule;
mod sender;
mod tls;
mod vectors;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use url::Url;

use checks::Run;
use effects::Effects;
use exchange::Target;
use key_set::KeySet;
use report::Recorder;
use sender::Sender;

pub use report::{Failure, Report, RuleReport, Verdict};
pub use rule::Rule;

/// The port at which the key set is by default.
pub const KEY_SET_PORT: u16 = 8079;

/// What to check, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The receiver's URL for callbacks: `http` or `https`.
    pub url: Url,
    /// The certificates (PEM) of the authorities to trust in place of Mozilla's, for `https`.
    pub ca: Option<Vec<u8>>,
    /// The service that the receiver is configured as.
    pub service: String,
    /// Where the receiver says which events it acted on: a JSON array of them, or their number.
    pub effects_url: Option<Url>,
    /// The rules to check.
    pub rules: Vec<Rule>,
    /// The time that the receiver has for a response; keysync waits 5 s.
    pub response_within: Duration,
    /// The time after which the receiver must have disconnected a slow client.
    pub slow_within: Duration,
    /// The time after which the receiver must know a new key of the key set.
    pub new_key_within: Duration,
    /// The time to wait until the receiver accepts connections.
    pub start_within: Duration,
}

impl Options {
    /// The options with the documented defaults.
    #[must_use]
    pub fn new(url: Url, service: impl Into<String>) -> Self {
        Self {
            url,
            ca: None,
            service: service.into(),
            effects_url: None,
            rules: Rule::ALL.to_vec(),
            response_within: Duration::from_secs(5),
            slow_within: Duration::from_mins(1),
            new_key_within: Duration::from_secs(40),
            start_within: Duration::from_mins(1),
        }
    }
}

/// The error of a run that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL has another scheme, or no host.
    #[error("the receiver's URL must be http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH: got `{0}`")]
    Url(String),
    /// The certificates of the authorities cannot be used.
    #[error("the file of --ca cannot be used: {0}; it must have the authorities' certificates as PEM")]
    Ca(String),
    /// The receiver's certificate is not valid, or it has no TLS.
    #[error(
        "the TLS handshake with {url} failed: {error}; correct the receiver's certificate, name the file of a \
         private authority with --ca, or write http:// for a receiver without TLS"
    )]
    Tls {
        /// Its URL.
        url: String,
        /// The cause.
        error: rustls::Error,
    },
    /// The receiver accepts no connection.
    #[error(
        "no receiver accepts connections at {url} within {} s: {error}; start it, or correct the URL",
        within.as_secs()
    )]
    NotRunning {
        /// Its URL.
        url: String,
        /// The time waited.
        within: Duration,
        /// The cause.
        error: io::Error,
    },
    /// The receiver rejects everything.
    #[error(
        "the receiver does not accept an authentic callback ({received}): configure the service `{service}` and the \
         public key {public_key}, or the key set at {key_set}"
    )]
    NotConfigured {
        /// What it responded with.
        received: String,
        /// The service.
        service: String,
        /// The public key that the callbacks are signed with.
        public_key: String,
        /// The URL of the key set.
        key_set: String,
    },
    /// The effects cannot be read.
    #[error("{0}")]
    Effects(String),
    /// The key set cannot be served.
    #[error("cannot serve the key set at {address}: {error}; choose another address with --key-set")]
    KeySet {
        /// The address.
        address: SocketAddr,
        /// The cause.
        error: io::Error,
    },
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// The test vectors have another form. A defect.
    #[error("invalid test vectors: {0}")]
    Vectors(String),
}

/// What a receiver needs to know before it is checked. Its key set is served as long as this
/// exists.
pub struct Conformance {
    key_set: KeySet,
    public_key: String,
}

impl Conformance {
    /// Serves the key set at `address`; port 0 selects a free one.
    pub async fn start(address: SocketAddr) -> Result<Self, Error> {
        let keys = vectors::Vectors::read()?.keys;
        let key_set = KeySet::start(address, &[&keys.current]).await;
        let key_set = key_set.map_err(|error| Error::KeySet { address, error })?;
        Ok(Self { key_set, public_key: keys.current.public })
    }

    /// The URL of the public key set.
    #[must_use]
    pub fn key_set_url(&self) -> String {
        self.key_set.url()
    }

    /// The public key that the callbacks are signed with, `whpk_…`.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Checks a receiver. `progress` is called before each check, with its rule.
    pub async fn check(&self, options: &Options, progress: &(dyn Fn(Rule) + Sync)) -> Result<Report, Error> {
        let tls = tls::client_config(options.ca.as_deref())?;
        let target = Target::new(&options.url, options.response_within, tls.clone())?;
        let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build()?;
        let effects = options.effects_url.clone().map(|url| Effects::new(http, url));
        let sender = Arc::new(Sender::new(&options.service)?);
        let recorder = Recorder::new(options.rules.iter().copied());
        let mut run = Run { target, sender, effects, recorder, key_set: &self.key_set, options, progress };
        run.all().await?;
        Ok(run.recorder.report(options.url.to_string(), options.service.clone()))
    }
}
