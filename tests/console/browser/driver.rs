//! A driver process per browser: chromedriver or geckodriver. Both are stopped at the end of the
//! test.

use std::{env, fs, fs::File, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// Limits the number of concurrent browsers, each of which uses about one core.
static CONCURRENT_BROWSERS: Semaphore = Semaphore::const_new(2);

/// Timeout for starting and stopping.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Stops the driver and its browsers when standard input closes, which happens however the test
/// ends. A signal to the driver alone would leave its browsers running, so this kills their process
/// group. Then removes their files. Closes its own standard output, so that the pipe closes
/// together with the driver's.
const WATCH: &str = r#"
set -m; "$1" --port=0 & driver=$!
exec >&-; trap '' HUP INT TERM
read -r _; kill -KILL -- "-$driver"; wait; rm -rf "$2""#;

/// A program that drives a browser.
#[derive(Clone, Copy)]
pub(super) struct Program {
    /// The environment variable with its path.
    variable: &'static str,
    /// The text before the port that it reports.
    before_port: &'static str,
}

pub(super) const CHROMEDRIVER: Program =
    Program { variable: "KEYSYNC_TEST_CHROMEDRIVER", before_port: "started successfully on port " };

pub(super) const GECKODRIVER: Program =
    Program { variable: "KEYSYNC_TEST_GECKODRIVER", before_port: "Listening on 127.0.0.1:" };

/// A running driver. Dropping it stops it without waiting.
pub(super) struct Driver {
    folder: PathBuf,
    watch: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    permit: SemaphorePermit<'static>,
}

impl Driver {
    /// Waits for a permit, starts the driver on a free port, and waits until it listens.
    pub(super) async fn start(program: Program) -> Self {
        let permit = CONCURRENT_BROWSERS.acquire().await.unwrap();
        let mut driver = Self::on_some_port(program, permit);
        // chromedriver chooses a free IPv4 port and exits if the same IPv6 port is in use.
        for _ in 0..10 {
            match timeout(START_TIMEOUT, driver.reported_port(program)).await {
                Ok(Some(port)) => return Self { port, ..driver },
                Ok(None) if driver.log().contains("Address already in use") => {
                    driver = Self::on_some_port(program, driver.permit);
                }
                Ok(None) | Err(_) => break,
            }
        }
        panic!("the driver does not start:\n{}", driver.log());
    }

    fn on_some_port(program: Program, permit: SemaphorePermit<'static>) -> Self {
        // Not in `target`, because the path of the browser's socket in this folder is limited to
        // 108 bytes.
        let folder = env::temp_dir().join(format!("keysync-{:08x}", fastrand::u32(..)));
        fs::create_dir_all(&folder).unwrap();
        let mut watch = Command::new("bash");
        watch.args(["-c", WATCH, "bash", &env::var(program.variable).unwrap()]).arg(&folder);
        // Makes dates and the browser's own texts independent of the machine.
        watch.env("LANGUAGE", "en_US").env("TMPDIR", &folder);
        watch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(folder.join("log")).unwrap());
        let mut watch = watch.spawn().unwrap();
        let output = BufReader::new(watch.stdout.take().unwrap());
        Self { folder, watch, output, port: 0, permit }
    }

    /// The port that the driver reports, or `None` if it exits before.
    async fn reported_port(&mut self, program: Program) -> Option<u16> {
        let mut line = String::new();
        while self.output.read_line(&mut line).await.unwrap() > 0 {
            if let Some((_, port)) = line.trim_end().split_once(program.before_port) {
                return Some(port.trim_end_matches('.').parse().unwrap());
            }
            line.clear();
        }
        None
    }

    /// The URL of the driver.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new folder for the browser's profile.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// The log of the driver and the browser.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Stops the driver and its browsers, and waits until they have exited.
    pub(super) async fn stop(mut self) {
        // Waiting closes standard input.
        assert!(
            timeout(START_TIMEOUT, self.watch.wait()).await.is_ok(),
            "the driver does not stop:\n{}",
            self.log()
        );
    }
}
