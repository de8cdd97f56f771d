//! The builder of a harness. Its services are in a submodule.

mod services;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use keysync_emulator_support::assertion::WAIT_TIMEOUT;
use serde_json::Value;

use crate::{
    Harness, HarnessClock, HarnessError,
    dynamodb::{Engine, TABLE},
    lambda::{FUNCTION_TIMEOUT, Mode},
    services::{DATABASES, OBJECT_STORAGE},
    start,
};
pub(crate) use services::Receiver;

/// A builder of a [`Harness`]. The defaults: a table in memory, the functions in this process,
/// object storage and databases that act on notifications, and the machine's clock.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder()
///     .service("data-catalog") // emulated, in addition to the two default ones
///     .env("KEYSYNC_CALLBACK_TIMEOUT", "500ms")
///     .start()
///     .await?;
/// assert_eq!(harness.services().len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder starts no harness: call `start`"]
pub struct HarnessBuilder {
    pub(crate) engine: Engine,
    pub(crate) mode: Mode,
    pub(crate) concurrency: usize,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) iam_port: u16,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) clock: HarnessClock,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) function_timeout: Duration,
    pub(crate) wait_timeout: Duration,
    pub(crate) redeliver_every: Option<Duration>,
    pub(crate) services: Vec<(String, Receiver)>,
    pub(crate) acknowledging: bool,
    /// Service, field and value of settings in the registry.
    pub(crate) service_settings: Vec<(String, String, Value)>,
    /// Service and symmetric secret.
    pub(crate) symmetric_secrets: Vec<(String, String)>,
    pub(crate) table: String,
    pub(crate) quiet: bool,
    /// Routes at `/docs`.
    pub(crate) documentation: Option<axum::Router>,
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            engine: Engine::Memory,
            mode: Mode::default(),
            concurrency: 1,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            iam_port: 0,
            allowed_hosts: Vec::new(),
            clock: HarnessClock::running(),
            env: Vec::new(),
            env_file: None,
            function_timeout: FUNCTION_TIMEOUT,
            wait_timeout: WAIT_TIMEOUT,
            redeliver_every: None,
            services: [OBJECT_STORAGE, DATABASES].map(|name| (name.to_owned(), Receiver::Emulated)).to_vec(),
            acknowledging: false,
            service_settings: Vec::new(),
            symmetric_secrets: Vec::new(),
            table: TABLE.to_owned(),
            quiet: true,
            documentation: None,
        }
    }
}

impl HarnessBuilder {
    /// Sets the engine that stores the table; in memory by default.
    pub fn engine(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// Runs the functions as their real binaries behind an emulated Lambda, as in production: a
    /// process can be killed, exceed its timeout, and write a log. The harness builds nothing.
    /// It runs the binaries that `KEYSYNC_SYNC_BIN`, `KEYSYNC_LIFECYCLE_BIN` and
    /// `KEYSYNC_REDELIVER_BIN` name, or those beside the test's executable; an error of
    /// [`HarnessBuilder::start`] names the command that builds a missing one.
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::builder().binaries().start().await?;
    /// let sync = harness.sync_function().process().unwrap();
    /// sync.kill().await; // the next request starts it again
    /// # Ok(())
    /// # }
    /// ```
    pub fn binaries(self) -> Self {
        self.mode(Mode::Process { environments: 1 })
    }

    /// Sets how the functions run; in this process by default. [`HarnessBuilder::binaries`] is the
    /// short form for one process of each.
    ///
    /// ```
    /// use keysync_testkit::{Harness, lambda::Mode};
    /// let builder = Harness::builder().mode(Mode::Process { environments: 2 });
    /// ```
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the number of requests that each environment of the binary `sync` serves concurrently;
    /// one by default, as in Lambda. Lambda Managed Instances use more, and set
    /// `AWS_LAMBDA_MAX_CONCURRENCY`.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().concurrency(16);
    /// ```
    pub fn concurrency(self, requests: usize) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// Sets the endpoint's port; any free one by default.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().port(8080);
    /// ```
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Sets IAM's port; any free one by default.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().iam_port(8082);
    /// ```
    pub fn iam_port(self, port: u16) -> Self {
        Self { iam_port: port, ..self }
    }

    /// Sets the address on which endpoint and IAM listen; 127.0.0.1 by default. In a container,
    /// `0.0.0.0` makes them reachable from outside, without credentials for the control API.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// let builder = keysync_testkit::Harness::builder().listen(Ipv4Addr::UNSPECIFIED);
    /// ```
    pub fn listen(self, address: impl Into<IpAddr>) -> Self {
        Self { address: address.into(), ..self }
    }

    /// Allows another host name of this machine, without a port. By default, requests whose `Host`
    /// is not a loopback name are denied, to protect from DNS rebinding.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().allow_host("host.docker.internal");
    /// ```
    pub fn allow_host(mut self, name: &str) -> Self {
        self.allowed_hosts.push(name.to_owned());
        self
    }

    /// Sets the clock of everything in this process. A function in a separate process uses the
    /// machine's clock, which a test cannot set.
    ///
    /// ```
    /// use keysync_testkit::{EpochMillis, Harness, HarnessClock};
    /// let still = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    /// let builder = Harness::builder().clock(still);
    /// ```
    pub fn clock(self, clock: HarnessClock) -> Self {
        Self { clock, ..self }
    }

    /// Sets an environment variable of the functions; `docs/reference/configuration.md` lists them.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", "500ms");
    /// ```
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the function's environment to a file, for a function that is started separately. The
    /// file contains the key that signs callbacks.
    ///
    /// ```
    /// let path = "target/harness.env".into();
    /// let builder = keysync_testkit::Harness::builder().env_file(Some(path));
    /// ```
    pub fn env_file(self, path: Option<PathBuf>) -> Self {
        Self { env_file: path, ..self }
    }

    /// Sets the function timeout, after which Lambda kills the binary; 30 s by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = keysync_testkit::Harness::builder().function_timeout(Duration::from_secs(3));
    /// ```
    pub fn function_timeout(self, timeout: Duration) -> Self {
        Self { function_timeout: timeout, ..self }
    }

    /// Sets the timeout of every wait: 30 s by default, in real time, independent of the harness's
    /// clock. A wait that takes a timeout, such as `arrived`, has its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = keysync_testkit::Harness::builder().wait_timeout(Duration::from_secs(5));
    /// ```
    pub fn wait_timeout(self, timeout: Duration) -> Self {
        Self { wait_timeout: timeout, ..self }
    }

    /// Runs `redeliver` on a schedule. Without one, only [`Harness::redeliver`] runs it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = keysync_testkit::Harness::builder().redeliver_every(Duration::from_mins(1));
    /// ```
    pub fn redeliver_every(self, interval: Duration) -> Self {
        Self { redeliver_every: Some(interval), ..self }
    }

    /// Sets the table's name; `keysync` by default. Harnesses that share an engine need different
    /// names.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().table("keysync-2");
    /// ```
    pub fn table(self, name: &str) -> Self {
        Self { table: name.to_owned(), ..self }
    }

    /// Sets whether the functions' logs are only stored (the default) or also printed to standard
    /// error.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().quiet(false);
    /// ```
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Starts the harness, and returns when all of it is ready.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::start().await?;
    /// println!("{}", harness.endpoint_url());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(self) -> Result<Harness, HarnessError> {
        // Boxed, so that the futures of tests stay small.
        Box::pin(start::start(self)).await
    }
}
