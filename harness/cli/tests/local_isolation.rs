//! Isolation of a running harness from other programs on the machine: web pages in a browser,
//! another harness, other users, and clients that exhaust its file descriptors.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use procfs::{
    net::TcpState,
    process::{FDTarget, Process},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// Timeout for operations that are immediate except on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout for the start, because the first harness may have to build the function.
const START_TIMEOUT: Duration = Duration::from_mins(5);

/// A running harness and the line that it printed.
struct RunningHarness {
    child: Child,
    ready: Value,
}

impl RunningHarness {
    async fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        Self::spawn(command.args(["up", "--json", "--port", "0"]).args(arguments)).await
    }

    async fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(START_TIMEOUT, stdout.next_line()).await.unwrap().unwrap().unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    fn port(&self, name: &str) -> u16 {
        reqwest::Url::parse(self.text(name)).unwrap().port().unwrap()
    }

    fn process(&self) -> Process {
        Process::new(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// The ports on which it listens, according to the kernel.
    fn listens_on(&self) -> BTreeSet<u16> {
        let process = self.process();
        let sockets = process.fd().unwrap().filter_map(|fd| match fd.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        });
        let sockets: BTreeSet<u64> = sockets.collect();
        let tcp = process.tcp().unwrap().into_iter().chain(process.tcp6().unwrap_or_default());
        let listening = tcp.filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode));
        listening
            .inspect(|entry| assert!(entry.local_address.ip().is_loopback(), "{entry:?}"))
            .map(|entry| entry.local_address.port())
            .collect()
    }

    async fn token(&self) -> String {
        let form =
            [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", self.text("api_key"))];
        let token = http().post(format!("{}/identity/token", self.text("iam"))).form(&form).send();
        token.await.unwrap().json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }

    fn sync(&self, at: &str, token: &str) -> reqwest::RequestBuilder {
        let path = format!("/api/v2/keys/{}/actions/sync", self.text("root_key_id"));
        let request = http().post(format!("{}{path}", self.text(at))).bearer_auth(token);
        request.header("bluemix-instance", self.text("instance_id"))
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Sends a request verbatim. Returns the status and the head of the response.
async fn exchange(port: u16, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut response));
    read.await.unwrap_or_else(|_| panic!("no response to {request}")).unwrap();
    let head = String::from_utf8_lossy(&response).split("\r\n\r\n").next().unwrap().to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {head}")), head)
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("keysync-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    folder
}

/// Requests that a browser sends for a page of another site, including a CORS preflight.
fn cross_site_requests(port: u16) -> [String; 6] {
    let own = format!("host: 127.0.0.1:{port}\r\nconnection: close\r\n");
    [
        format!(
            "POST / HTTP/1.1\r\n{own}origin: https://evil.example\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{{}}"
        ),
        format!("POST /_harness/reset HTTP/1.1\r\n{own}origin: null\r\ncontent-length: 0\r\n\r\n"),
        format!(
            "GET / HTTP/1.1\r\n{own}sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\nsec-fetch-dest: image\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\n{own}sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\nhost: evil.example:{port}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\r\n"
        ),
        format!(
            "OPTIONS / HTTP/1.1\r\n{own}origin: https://evil.example\r\naccess-control-request-method: POST\r\naccess-control-request-headers: x-amz-target\r\n\r\n"
        ),
    ]
}

#[tokio::test]
async fn every_port_denies_cross_site_requests() {
    let up = RunningHarness::new(&[]).await;
    let ports = up.listens_on();
    for name in ["endpoint", "iam", "dynamodb", "function", "services", "control", "console"] {
        assert!(ports.contains(&up.port(name)), "the port of {name} is missing in {ports:?}");
    }
    // The others are three proxies, three Runtime APIs, secrets and dead letters.
    assert_eq!(ports.len(), 13, "{ports:?}");
    for port in ports {
        for request in cross_site_requests(port) {
            let (status, head) = exchange(port, &request).await;
            assert_eq!(status, 403, "{request}\n{head}");
            assert!(!head.contains("access-control-"), "{request}\n{head}");
        }
        let own = format!(
            "GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\norigin: http://127.0.0.1:{port}\r\n\r\n"
        );
        let (status, head) = exchange(port, &own).await;
        assert_ne!(status, 403, "{head}");
        assert!(!head.contains("access-control-"), "{head}");
    }
}

#[tokio::test]
async fn denied_requests_have_no_effect() {
    let up = RunningHarness::new(&["--function", "in-process"]).await;
    let token = up.token().await;
    let delete_table = || {
        http().post(up.text("dynamodb")).header("x-amz-target", "DynamoDB_20120810.DeleteTable").header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=a",
        ).header("x-amz-date", "20260101T000000Z").header("content-type", "application/x-amz-json-1.0").body(
            r#"{"TableName":"keysync"}"#,
        )
    };
    let bucket = format!("{}/cloud-object-storage/resources/stolen", up.text("services"));
    let resource = serde_json::json!({"crn": "crn", "key_id": "key"});
    for (name, request) in [
        ("table", delete_table()),
        ("endpoint", up.sync("endpoint", &token)),
        ("function", up.sync("function", &token)),
        ("services", http().put(&bucket).json(&resource)),
        ("control", http().post(format!("{}/reset", up.text("control")))),
    ] {
        let [cross_origin, other_host] = [request.try_clone().unwrap(), request];
        for request in
            [cross_origin.header("origin", "https://evil.example"), other_host.header("host", "evil.example")]
        {
            assert_eq!(request.send().await.unwrap().status(), 403, "{name}");
        }
    }
    assert_eq!(http().get(&bucket).send().await.unwrap().status(), 404, "no resource was created");
    assert_eq!(up.sync("endpoint", &token).send().await.unwrap().status(), 204, "the window was open");
    assert_eq!(up.sync("function", &token).send().await.unwrap().status(), 409);
    assert_eq!(
        delete_table().send().await.unwrap().status(),
        200,
        "a request without browser headers is allowed"
    );
}

#[tokio::test]
async fn allowed_host_is_accepted_by_every_port() {
    let up = RunningHarness::new(&["--function", "in-process", "--allow-host", "host.docker.internal"]).await;
    for name in ["endpoint", "iam", "dynamodb", "function", "services"] {
        let port = up.port(name);
        let request =
            |host: &str| format!("GET / HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
        assert_ne!(exchange(port, &request("host.docker.internal")).await.0, 403, "{name}");
        assert_eq!(exchange(port, &request("docker.internal")).await.0, 403, "{name}");
    }
    let port = up.port("console");
    let login = format!(
        "GET /console/login HTTP/1.1\r\nhost: host.docker.internal:{port}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(exchange(port, &login).await.0, 200);

    let invalid = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["up", "--port", "0", "--allow-host", "http://a:80"])
        .output();
    let invalid = invalid.await.unwrap();
    let text = String::from_utf8(invalid.stderr).unwrap();
    assert!(!invalid.status.success() && text.contains("`http://a:80` is not a valid host name"), "{text}");
}

#[tokio::test]
async fn env_file_is_readable_by_owner_only() {
    let folder = folder();
    let path = folder.join("harness.env");
    fs::write(&path, "old content").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _up = RunningHarness::new(&["--function", "in-process", "--env-file", path.to_str().unwrap()]).await;
    assert!(fs::read_to_string(&path).unwrap().contains("KEYSYNC_SIGNING_KEY='whsk_"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn data_file_is_locked_by_one_harness() {
    let folder = folder();
    let (file, link) = (folder.join("table.db"), folder.join("link.db"));
    let with =
        |path: &Path| ["--function", "in-process", "--data", path.to_str().unwrap()].map(str::to_owned);
    let start = async |path: &Path| {
        let arguments = with(path);
        RunningHarness::new(&arguments.each_ref().map(String::as_str)).await
    };
    let mut first = start(&file).await;
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [&file, &link] {
        let second = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["up", "--port", "0"])
            .args(with(path))
            .kill_on_drop(true)
            .output();
        let second = tokio::time::timeout(TIMEOUT, second).await.unwrap().unwrap();
        let text = String::from_utf8(second.stderr).unwrap();
        assert_eq!(second.status.code(), Some(1), "{text}");
        assert!(text.contains(path.to_str().unwrap()) && text.contains("`--data`"), "{text}");
    }
    let token = first.token().await;
    assert_eq!(
        first.sync("endpoint", &token).send().await.unwrap().status(),
        204,
        "the first harness keeps running"
    );
    first.child.kill().await.unwrap(); // SIGKILL, without any cleanup

    let third = start(&file).await;
    assert_eq!(third.text("root_key_id"), first.text("root_key_id"));
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn harness_waits_while_descriptors_are_exhausted() {
    const MAX_DESCRIPTORS: usize = 128;
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {MAX_DESCRIPTORS}; exec \"$0\" up --json --port 0 --function in-process");
    let up = RunningHarness::spawn(shell.args(["-c", &script, env!("CARGO_BIN_EXE_harness")])).await;
    let mut held = Vec::new();
    // Some of these connections wait in the kernel's backlog.
    for _ in 0..MAX_DESCRIPTORS {
        held.push(TcpStream::connect(("127.0.0.1", up.port("iam"))).await.unwrap());
    }
    let process = up.process();
    let started = Instant::now();
    while process.fd_count().unwrap() < MAX_DESCRIPTORS {
        assert!(started.elapsed() < TIMEOUT, "{} descriptors", process.fd_count().unwrap());
        tokio::task::yield_now().await;
    }
    // No request gets a response meanwhile, and waiting uses almost no CPU time, unlike a busy
    // loop.
    let ticks = || process.stat().map(|stat| stat.utime + stat.stime).unwrap();
    let before = ticks();
    let mut late = TcpStream::connect(("127.0.0.1", up.port("endpoint"))).await.unwrap();
    let request = "GET /_harness/openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    late.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(2), late.read(&mut [0])).await;
    assert!(read.is_err(), "a descriptor was still available");
    let used = ticks() - before;
    assert!(used < 10, "{used} ticks of 200 used while waiting");

    drop(held);
    tokio::time::timeout(TIMEOUT, late.read_to_end(&mut response)).await.unwrap().unwrap();
    assert!(response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
}
