//! A chromedriver of a browser's own, which ends with the test, and the browser with it.

use std::{env, fs, fs::File, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How many browsers run at once; each keeps about a core busy.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// How long it may take to start and to end.
const SOON: Duration = Duration::from_secs(20);

/// Ends chromedriver and its browsers when standard input does: when the test is over, however it came to be, which a
/// signal to chromedriver would not, for it leaves its browsers behind. They are one process group. Then clears away what
/// they wrote. Closes standard output, so that it ends when chromedriver does.
const WATCH: &str = r#"
set -m; "$1" --port=0 & driver=$!
exec >&-; trap '' HUP INT TERM
read -r _; kill -KILL -- "-$driver"; wait; rm -rf "$2""#;

/// A running chromedriver. Dropping it ends it, too, without waiting.
pub(super) struct Driver {
    folder: PathBuf,
    watch: Child,
    said: BufReader<ChildStdout>,
    port: u16,
    one_of_few: SemaphorePermit<'static>,
}

impl Driver {
    /// Waits until few others run, starts one on a free port, and waits until it listens.
    pub(super) async fn start() -> Self {
        let one_of_few = AT_ONCE.acquire().await.unwrap();
        let mut driver = Self::on_some_port(one_of_few);
        // It takes a free port of IPv4, and ends where the same one of IPv6 is not free.
        for _ in 0..10 {
            match timeout(SOON, driver.listens_on()).await {
                Ok(Some(port)) => return Self { port, ..driver },
                Ok(None) if driver.log().contains("Address already in use") => {
                    driver = Self::on_some_port(driver.one_of_few);
                }
                Ok(None) | Err(_) => break,
            }
        }
        panic!("chromedriver does not start:\n{}", driver.log());
    }

    fn on_some_port(one_of_few: SemaphorePermit<'static>) -> Self {
        // Not in `target`: the browser has a socket in there, whose path may have no more than 108 bytes.
        let folder = env::temp_dir().join(format!("keysync-{:08x}", fastrand::u32(..)));
        fs::create_dir_all(&folder).unwrap();
        let mut watch = Command::new("bash");
        watch.args(["-c", WATCH, "bash", &env::var("KEYSYNC_TEST_CHROMEDRIVER").unwrap()]).arg(&folder);
        // Dates and the browser's own words are the same everywhere.
        watch.env("LANGUAGE", "en_US").env("TMPDIR", &folder);
        watch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(folder.join("log")).unwrap());
        let mut watch = watch.spawn().unwrap();
        let said = BufReader::new(watch.stdout.take().unwrap());
        Self { folder, watch, said, port: 0, one_of_few }
    }

    /// The port that it says it listens on; none where it ends without saying so.
    async fn listens_on(&mut self) -> Option<u16> {
        let mut line = String::new();
        while self.said.read_line(&mut line).await.unwrap() > 0 {
            if let Some((_, port)) = line.trim_end().split_once("started successfully on port ") {
                return Some(port.trim_end_matches('.').parse().unwrap());
            }
            line.clear();
        }
        None
    }

    /// Where it answers.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An empty folder for a browser's user.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// What it and the browser complained about.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Ends it, and waits until nothing is left of it.
    pub(super) async fn end(mut self) {
        // Waiting closes standard input.
        assert!(timeout(SOON, self.watch.wait()).await.is_ok(), "chromedriver does not end:\n{}", self.log());
    }
}
