//! `cargo lambda watch`, started as the README describes and stopped together with its child
//! processes.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};

/// Timeout of the first request, which builds the function. Some dependencies have other features
/// than with the harness and are built again.
const BUILD_TIMEOUT: Duration = Duration::from_mins(10);
/// Timeout for starting to listen and for stopping.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Stops `cargo lambda watch` when standard input closes, which happens however this test ends. It
/// stops the function in turn.
const WATCH: &str = r#"cargo lambda watch "$@" & watch=$!; read -r _; kill -TERM $watch; wait $watch"#;

/// The planned address of `cargo lambda watch`. The harness must know it before the function
/// starts, because the function's environment comes from the harness.
pub(crate) struct CargoLambda {
    address: SocketAddr,
}

impl CargoLambda {
    /// Plans an address on a free port.
    pub(crate) fn planned() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: free.local_addr().unwrap() }
    }

    /// The URL of the function.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/lambda-url/sync", self.address)
    }

    /// The file to which the harness writes the function's environment.
    pub(crate) fn env_file(&self) -> PathBuf {
        self.file("env")
    }

    fn file(&self, kind: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cargo-lambda-{}.{kind}", self.address.port()))
    }

    /// Starts `cargo lambda watch` and waits until the function responds.
    pub(crate) async fn start(self) -> Running {
        let log = File::create(self.file("log")).unwrap();
        let mut watch = Command::new("sh");
        // The release build exists already when all tests run; a debug build would be a new one.
        watch
            .args(["-c", WATCH, "sh", "--package", "keysync-functions", "--release", "--env-file"])
            .arg(self.env_file());
        // The sources do not change, and a test that edits other files must not trigger a restart.
        watch.args(["--ignore-changes", "--invoke-address", "127.0.0.1"]);
        watch.args(["--invoke-port", &self.address.port().to_string()]);
        watch.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        watch.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let running = Running { watch: watch.spawn().unwrap(), planned: self };
        running.wait_until_ready().await;
        running
    }
}

/// A running `cargo lambda watch`. Dropping it stops it without waiting and keeps its files.
pub(crate) struct Running {
    planned: CargoLambda,
    watch: Child,
}

impl Running {
    /// Waits until the function responds to a first request, which triggers its build.
    async fn wait_until_ready(&self) {
        let listens = async {
            let mut look = interval(Duration::from_millis(50));
            while TcpStream::connect(self.planned.address).await.is_err() {
                look.tick().await;
            }
        };
        assert!(
            timeout(START_TIMEOUT, listens).await.is_ok(),
            "cargo lambda watch does not listen:\n{}",
            self.log()
        );
        let http = reqwest::Client::builder().no_proxy().timeout(BUILD_TIMEOUT).build().unwrap();
        let response = http.get(self.planned.url()).send().await;
        let ready = response.as_ref().is_ok_and(|response| response.status() == http::StatusCode::NOT_FOUND);
        assert!(ready, "the function did not respond: {response:?}\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.planned.file("log")).unwrap_or_default()
    }

    /// Stops it, waits until it has stopped, and removes its files.
    pub(crate) async fn stop(mut self) {
        // Waiting closes standard input.
        assert!(
            timeout(START_TIMEOUT, self.watch.wait()).await.is_ok(),
            "cargo lambda watch does not stop:\n{}",
            self.log()
        );
        assert!(TcpStream::connect(self.planned.address).await.is_err(), "cargo lambda watch still listens");
        for kind in ["env", "log"] {
            std::fs::remove_file(self.planned.file(kind)).unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the log of `cargo lambda watch` and the function: {}",
                self.planned.file("log").display()
            );
        }
    }
}
