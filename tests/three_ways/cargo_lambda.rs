//! `cargo lambda watch`, started as the README says and ended with all that it started.

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

/// How long the first request may take, which builds the function: its dependencies have other features than with the
/// harness, so some of them are built once more.
const BUILT_WITHIN: Duration = Duration::from_mins(10);
/// How long it may take to listen, and to end.
const SOON: Duration = Duration::from_secs(20);

/// Ends it when standard input does: when this test is over, however it came to be. It ends the function in turn.
const WATCH: &str = r#"cargo lambda watch "$@" & watch=$!; read -r _; kill -TERM $watch; wait $watch"#;

/// Where `cargo lambda watch` is going to run: the harness has to know before the function can know of the harness.
pub(crate) struct CargoLambda {
    address: SocketAddr,
}

impl CargoLambda {
    /// On a port that nobody has at the moment.
    pub(crate) fn planned() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: free.local_addr().unwrap() }
    }

    /// Where the function will answer.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/lambda-url/sync", self.address)
    }

    /// Where the harness has to write the function's environment.
    pub(crate) fn env_file(&self) -> PathBuf {
        self.file("env")
    }

    fn file(&self, kind: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cargo-lambda-{}.{kind}", self.address.port()))
    }

    /// Starts it, and waits until the function answers.
    pub(crate) async fn start(self) -> Running {
        let log = File::create(self.file("log")).unwrap();
        let mut watch = Command::new("sh");
        // Optimised: that build is there already where all tests run, and no other that fits.
        watch
            .args(["-c", WATCH, "sh", "--package", "keysync", "--release", "--env-file"])
            .arg(self.env_file());
        // Nobody changes the source meanwhile; a test that edits files elsewhere must not start it anew.
        watch.args(["--ignore-changes", "--invoke-address", "127.0.0.1"]);
        watch.args(["--invoke-port", &self.address.port().to_string()]);
        watch.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        watch.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let running = Running { watch: watch.spawn().unwrap(), planned: self };
        running.answers().await;
        running
    }
}

/// A running `cargo lambda watch`. Dropping it ends it, too, without waiting, and keeps its files.
pub(crate) struct Running {
    planned: CargoLambda,
    watch: Child,
}

impl Running {
    /// Waits until the function answers a first request, which has it built.
    async fn answers(&self) {
        let listens = async {
            let mut look = interval(Duration::from_millis(50));
            while TcpStream::connect(self.planned.address).await.is_err() {
                look.tick().await;
            }
        };
        assert!(timeout(SOON, listens).await.is_ok(), "it does not listen:\n{}", self.log());
        let http = reqwest::Client::builder().no_proxy().timeout(BUILT_WITHIN).build().unwrap();
        let answer = http.get(self.planned.url()).send().await;
        let answered = answer.as_ref().is_ok_and(|answer| answer.status() == http::StatusCode::NOT_FOUND);
        assert!(answered, "the function did not answer: {answer:?}\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.planned.file("log")).unwrap_or_default()
    }

    /// Ends it, waits until it has ended, and clears away its files.
    pub(crate) async fn end(mut self) {
        // Waiting closes standard input.
        assert!(timeout(SOON, self.watch.wait()).await.is_ok(), "it does not end:\n{}", self.log());
        assert!(TcpStream::connect(self.planned.address).await.is_err(), "it has not ended");
        for kind in ["env", "log"] {
            std::fs::remove_file(self.planned.file(kind)).unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "what `cargo lambda watch` and the function said is in {}",
                self.planned.file("log").display()
            );
        }
    }
}
