//! The commands `harness up` and `harness demo`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Timeout for operations that are immediate except on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout for the start, which takes a second except on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

fn harness(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running `harness up --json` and the line that it printed.
struct Up {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    ready: Value,
}

async fn up(arguments: &[&str]) -> Up {
    Up::start(harness(&[&["up", "--json", "--port", "0"], arguments].concat())).await
}

impl Up {
    async fn start(mut command: Command) -> Self {
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(START_TIMEOUT, stdout.next_line()).await.unwrap().unwrap().unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, stdout, ready }
    }

    fn text(&self, name: &str) -> String {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready)).to_owned()
    }

    /// Synchronizes the root key with only the printed information.
    async fn sync(&self) -> u16 {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let apikey = self.text("api_key");
        let form = [("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), ("apikey", apikey.as_str())];
        let token =
            http.post(format!("{}/identity/token", self.text("iam"))).form(&form).send().await.unwrap();
        let token: Value = token.json().await.unwrap();
        let path = format!("/api/v2/keys/{}/actions/sync", self.text("root_key_id"));
        let request = http
            .post(format!("{}{path}", self.text("endpoint")))
            .bearer_auth(token["access_token"].as_str().unwrap())
            .header("bluemix-instance", self.text("instance_id"));
        request.send().await.unwrap().status().as_u16()
    }

    /// The child processes.
    fn children(&self) -> Vec<u32> {
        let parent = self.child.id().unwrap();
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|process| parent_of(*process) == Some(parent))
            .collect()
    }
}

/// The parent of a process, or `None` if the process has ended or is a zombie.
fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // `pid (name) state ppid …`, where the name may contain any character.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

async fn assert_all_exit(processes: &[u32]) {
    let started = Instant::now();
    while processes.iter().any(|process| parent_of(*process).is_some()) {
        assert!(started.elapsed() < TIMEOUT, "{processes:?} are still running");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn up_prints_one_line_with_all_addresses() {
    let mut up = up(&[]).await;
    for name in ["endpoint", "iam", "dynamodb", "control", "function", "services"] {
        assert!(up.text(name).starts_with("http://127.0.0.1:"), "{name}: {}", up.ready);
    }
    for name in ["instance_id", "root_key_id", "standard_key_id"] {
        assert_eq!(up.text(name).len(), 36, "{name}");
    }
    assert_eq!(up.text("region"), "us-south");
    assert_ne!(up.text("api_key"), up.text("reader_api_key"));
    assert_eq!((up.sync().await, up.sync().await), (204, 409));

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let advance =
        http.post(format!("{}/time", up.text("control"))).json(&serde_json::json!({"advance": "61m"}));
    assert_eq!(advance.send().await.unwrap().status(), 204);
    assert_eq!(up.sync().await, 204);

    up.child.start_kill().unwrap();
    assert_eq!(up.stdout.next_line().await.unwrap(), None, "standard output has a second line");
}

#[tokio::test]
async fn up_serves_documentation_to_which_console_links() {
    let up = up(&[]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| {
        let response = http.get(format!("{}{path}", up.text("endpoint"))).send().await.unwrap();
        response.error_for_status().unwrap().text().await.unwrap()
    };
    assert!(get("/docs/reference/control-api-operations").await.contains("/_harness/time</code>"));
    assert!(get("/docs/search?q=advance+the+clock").await.contains("<mark>"));
    assert!(get("/console/login").await.contains("href=\"/docs\""));
}

#[tokio::test]
async fn child_processes_exit_when_harness_is_killed() {
    let mut up = up(&[]).await;
    assert_eq!(up.sync().await, 204);
    let children = up.children();
    assert!(!children.is_empty(), "the function must run in a separate process");
    up.child.kill().await.unwrap(); // SIGKILL, without any cleanup
    assert_all_exit(&children).await;
}

#[tokio::test]
async fn child_processes_exit_when_harness_is_terminated() {
    let mut up = up(&[]).await;
    let children = up.children();
    let status = Command::new("kill").arg(up.child.id().unwrap().to_string()).status().await.unwrap();
    assert!(status.success());
    let ended = tokio::time::timeout(TIMEOUT, up.child.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    assert_all_exit(&children).await;
}

#[tokio::test]
async fn data_file_persists_across_restarts() {
    let folder = std::env::temp_dir().join(format!("keysync-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("table.db");
    let arguments = ["--data", file.to_str().unwrap()];
    let mut first = up(&arguments).await;
    assert_eq!(first.sync().await, 204);
    first.child.kill().await.unwrap();

    let second = up(&arguments).await;
    for name in ["api_key", "instance_id", "root_key_id", "standard_key_id"] {
        assert_eq!(second.text(name), first.text(name), "{name}");
    }
    assert_eq!(second.sync().await, 409, "the window is still closed");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn mode_in_process_starts_no_process() {
    let up = up(&["--function", "in-process"]).await;
    assert_eq!(up.sync().await, 204);
    assert!(up.children().is_empty());
}

#[tokio::test]
async fn env_file_configures_externally_started_function() {
    let path = std::env::temp_dir().join(format!("keysync-{}.env", uuid::Uuid::new_v4()));
    let url = "http://127.0.0.1:9/lambda-url/sync";
    let up = up(&["--function", url, "--env-file", path.to_str().unwrap()]).await;
    assert_eq!(up.text("function"), url);
    let env = std::fs::read_to_string(&path).unwrap();
    for name in [
        "KEYSYNC_IAM_URL='http",
        "KEYSYNC_SERVICES='{",
        "KEYSYNC_SIGNING_KEY='whsk_",
        "AWS_ENDPOINT_URL_DYNAMODB=",
    ] {
        assert!(env.contains(name), "{name} is missing in\n{env}");
    }
    assert_eq!(up.sync().await, 502, "no function runs at that URL");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn demo_prints_scenario_and_succeeds() {
    let output = harness(&["demo"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("✓ access to the bucket is denied")
            && text.contains("REQ_TOO_EARLY_ERR")
            && !text.contains('✗')
    );
    assert!(!text.contains('\x1b'), "colours without a terminal");
}

#[tokio::test]
async fn invalid_mode_and_used_port_are_reported() {
    let invalid = harness(&["up", "--function", "docker"]).output().await.unwrap();
    assert_eq!(invalid.status.code(), Some(2));
    let text = String::from_utf8(invalid.stderr).unwrap();
    assert!(text.contains("must be `process`, `in-process` or a URL: got `docker`"), "{text}");

    let occupied = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = occupied.local_addr().unwrap().port().to_string();
    let mut failed = harness(&["up", "--port", &port, "--function", "in-process"]).spawn().unwrap();
    assert_eq!(failed.wait().await.unwrap().code(), Some(1));
    let mut text = String::new();
    failed.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
    assert!(text.contains("if the port is in use"), "{text}");
}

/// Nothing else is installed: the command contains the functions, and runs them as separate
/// processes of itself.
#[tokio::test]
async fn copied_command_runs_functions_as_itself() {
    let folder = std::env::temp_dir().join(format!("keysync-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let copy = folder.join("harness");
    std::fs::copy(env!("CARGO_BIN_EXE_harness"), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.args(["up", "--json", "--port", "0"]).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
    let up = Up::start(command).await;
    assert_eq!(up.sync().await, 204);
    let functions: Vec<_> = up.children().into_iter().map(command_line).collect();
    let sync = [copy.to_str().unwrap(), "function", "sync"].map(str::to_owned).to_vec();
    assert!(functions.contains(&sync), "{functions:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The command line of a process.
fn command_line(process: u32) -> Vec<String> {
    let process = procfs::process::Process::new(process.cast_signed()).unwrap();
    process.cmdline().unwrap()
}

#[tokio::test]
async fn missing_binary_is_named_with_build_command() {
    let missing = Path::new("/no/such/sync");
    let output = harness(&["demo"]).env("KEYSYNC_SYNC_BIN", missing).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("/no/such/sync") && text.contains("cargo build -p keysync-functions --bin sync"),
        "{text}"
    );
}

/// AWS settings that a developer may have, each of which would redirect or break calls.
fn with_hostile_aws_configuration(command: &mut Command, home: &std::path::Path) {
    let file = home.join("config");
    let settings = "[profile hostile]\nregion = eu-west-9\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n\
        max_attempts = 1\nretry_mode = adaptive\nendpoint_url = http://127.0.0.1:1\n";
    std::fs::create_dir_all(home.join(".aws")).unwrap();
    for path in [file.clone(), home.join(".aws/config")] {
        std::fs::write(path, settings.to_owned() + &settings.replace("profile hostile", "default")).unwrap();
    }
    command.env("HOME", home).env("AWS_CONFIG_FILE", file).envs([
        ("AWS_PROFILE", "hostile"),
        ("AWS_REGION", "eu-west-9"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_RETRY_MODE", "adaptive"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1"),
    ]);
}

#[tokio::test]
async fn developer_aws_configuration_has_no_effect() {
    let home = std::env::temp_dir().join(format!("keysync-{}", uuid::Uuid::new_v4()));
    for function in ["in-process", "process"] {
        let mut command = harness(&["demo", "--function", function]);
        with_hostile_aws_configuration(&mut command, &home);
        // Cargo must still find its own files with another HOME.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let default = std::path::Path::new(&std::env::var("HOME").unwrap_or_default()).join(folder);
            command.env(name, std::env::var_os(name).unwrap_or(default.into()));
        }
        let output = tokio::time::timeout(START_TIMEOUT, command.output()).await.unwrap().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{function}: {stderr}");
    }
    std::fs::remove_dir_all(home).unwrap();
}
