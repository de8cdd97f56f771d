//! What a harness is to be made of.

use std::{path::PathBuf, time::Duration};

use crate::{
    Harness, HarnessClock, HarnessError,
    dynamodb::{Engine, TABLE},
    lambda::{FUNCTION_TIMEOUT, Mode},
    services::{DATABASES, OBJECT_STORAGE},
    start,
};

/// What a [`Harness`] is made of. By default: a table in memory, the real binaries behind an emulated
/// Lambda, object storage and databases that act on what they are told, and the machine's clock.
///
/// ```
/// use keysync_testkit::{Harness, lambda::Mode};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::builder()
///     .mode(Mode::InProcess)
///     .service("data-catalog") // emulated, beside the two that are there anyway
///     .env("KEYSYNC_CALLBACK_TIMEOUT", "500ms")
///     .start()
///     .await?;
/// assert_eq!(harness.services().len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HarnessBuilder {
    pub(crate) engine: Engine,
    pub(crate) mode: Mode,
    pub(crate) concurrency: usize,
    pub(crate) port: u16,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) clock: HarnessClock,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) function_timeout: Duration,
    pub(crate) redeliver_every: Option<Duration>,
    pub(crate) services: Vec<(String, Receiver)>,
    pub(crate) table: String,
    pub(crate) quiet: bool,
}

/// Who receives the callbacks of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// A service of the harness, with resources that open or refuse.
    Emulated,
    /// An `httpmock` server.
    Mock,
    /// Whoever listens at this URL.
    At(String),
}

impl Default for HarnessBuilder {
    fn default() -> Self {
        Self {
            engine: Engine::Memory,
            mode: Mode::Process { environments: 1 },
            concurrency: 1,
            port: 0,
            allowed_hosts: Vec::new(),
            clock: HarnessClock::running(),
            env: Vec::new(),
            env_file: None,
            function_timeout: FUNCTION_TIMEOUT,
            redeliver_every: None,
            services: [OBJECT_STORAGE, DATABASES].map(|name| (name.to_owned(), Receiver::Emulated)).to_vec(),
            table: TABLE.to_owned(),
            quiet: true,
        }
    }
}

impl HarnessBuilder {
    /// Where the table lives; in memory by default.
    #[must_use]
    pub fn engine(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// How the function runs; as the real binary by default.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// How many requests each environment of the real binary `sync` serves at once; one by default, as in Lambda.
    /// More than that happens on Lambda Managed Instances, which tell the function so
    /// (`AWS_LAMBDA_MAX_CONCURRENCY`).
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().concurrency(16);
    /// ```
    #[must_use]
    pub fn concurrency(self, requests: usize) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// One more emulated service, by its CRN service name.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().service("data-catalog");
    /// ```
    #[must_use]
    pub fn service(self, name: &str) -> Self {
        self.receiver(name, Receiver::Emulated)
    }

    /// The address where a service of your own wants its callbacks: `https`, or `http` on loopback. Where
    /// the name is that of an emulated service, yours takes its place.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder()
    ///     .service_at("cloud-object-storage", "http://127.0.0.1:5000/callbacks");
    /// ```
    #[must_use]
    pub fn service_at(self, name: &str, callback_url: &str) -> Self {
        self.receiver(name, Receiver::At(callback_url.to_owned()))
    }

    /// A service that is an `httpmock` server, for expectations of your own: [`Harness::mock`] returns it.
    /// A test process has 25 of those, unless `HTTPMOCK_MAX_SERVERS` says otherwise; who wants one more
    /// waits for one.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().mock("ledgers");
    /// ```
    #[must_use]
    pub fn mock(self, name: &str) -> Self {
        self.receiver(name, Receiver::Mock)
    }

    fn receiver(mut self, name: &str, receiver: Receiver) -> Self {
        self.services.retain(|(other, _)| other != name);
        self.services.push((name.to_owned(), receiver));
        self
    }

    /// The endpoint's port; any free one by default.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().port(8080);
    /// ```
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Another name by which this machine is reached, without a port. Requests with any name in `Host` but that of
    /// loopback are refused otherwise, as web pages would come by one that they made to resolve to loopback.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().allow_host("host.docker.internal");
    /// ```
    #[must_use]
    pub fn allow_host(mut self, name: &str) -> Self {
        self.allowed_hosts.push(name.to_owned());
        self
    }

    /// The clock of all that runs in this process. A function in a process of its own has the
    /// machine's, which nobody can set.
    ///
    /// ```
    /// use keysync_testkit::{EpochMillis, Harness, HarnessClock, lambda::Mode};
    /// let still = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
    /// let builder = Harness::builder().mode(Mode::InProcess).clock(still);
    /// ```
    #[must_use]
    pub fn clock(self, clock: HarnessClock) -> Self {
        Self { clock, ..self }
    }

    /// A setting of the functions; the README lists them.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().env("KEYSYNC_CALLBACK_TIMEOUT", "500ms");
    /// ```
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the function's environment to a file, for one that is started by somebody else. The file
    /// holds the key that signs callbacks.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().env_file(Some("target/harness.env".into()));
    /// ```
    #[must_use]
    pub fn env_file(self, path: Option<PathBuf>) -> Self {
        Self { env_file: path, ..self }
    }

    /// How long Lambda lets the real binary run before it kills it; 30 s by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = keysync_testkit::Harness::builder().function_timeout(Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn function_timeout(self, timeout: Duration) -> Self {
        Self { function_timeout: timeout, ..self }
    }

    /// Runs `redeliver` on a schedule. Without one it runs when [`Harness::redeliver`] says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = keysync_testkit::Harness::builder().redeliver_every(Duration::from_mins(1));
    /// ```
    #[must_use]
    pub fn redeliver_every(self, interval: Duration) -> Self {
        Self { redeliver_every: Some(interval), ..self }
    }

    /// The table's name, `keysync` by default. Harnesses that share an engine each need their own.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().table("keysync-2");
    /// ```
    #[must_use]
    pub fn table(self, name: &str) -> Self {
        Self { table: name.to_owned(), ..self }
    }

    /// Whether the function's log is kept for [`Harness::function`] only (the default), or goes to
    /// standard error, too.
    ///
    /// ```
    /// let builder = keysync_testkit::Harness::builder().quiet(false);
    /// ```
    #[must_use]
    pub fn quiet(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Starts everything. It is ready when this returns.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
    /// let harness = keysync_testkit::Harness::builder().start().await?;
    /// println!("{}", harness.endpoint_url());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(self) -> Result<Harness, HarnessError> {
        start::start(self).await
    }
}
