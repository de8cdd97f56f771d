//! The commands that talk to a running harness: their text and JSON output, and their errors.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::process::{Command, Output, Stdio};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{Html, Redirect},
};
use keysync_testkit::{Harness, lambda::Mode};
use serde_json::{Value, json};

/// Runs the command against `url` on another thread, because the harness needs the test's thread.
/// Returns whether it succeeded, and its output.
async fn run(url: &str, arguments: &[&str]) -> (bool, String, String) {
    let (code, stdout, stderr) = run_with_code(url, arguments).await;
    (code == Some(0), stdout, stderr)
}

/// Like [`run`], with the exit code.
async fn run_with_code(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).env("KEYSYNC_HARNESS", url).stdin(Stdio::null());
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_created_and_synchronized_repeatedly() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let run = async |arguments: &[&str]| run(&url, arguments).await;

    let protect =
        ["keys", "create", "invoices", "--alias", "invoices", "--protect", "cloud-object-storage/b1"];
    let (made, id, _) = run(&protect).await;
    assert!(made);
    let id = id.trim();
    assert!(run(&["register", id, "databases-for-postgresql", "d1"]).await.1.ends_with(":deployment:d1\n"));
    assert!(run(&["services", "behave", "cloud-object-storage", "respond=503", "--times", "1"]).await.0);

    let (accepted, stdout, _) = run(&["sync", "invoices"]).await;
    assert!(
        accepted
            && stdout.contains("204")
            && stdout.contains("retrying")
            && stdout.contains("responded with 503"),
        "{stdout}"
    );
    let (accepted, stdout, _) = run(&["sync", id]).await;
    assert!(!accepted && stdout.contains("409 Conflict REQ_TOO_EARLY_ERR"), "{stdout}");
    assert!(run(&["advance", "61m"]).await.0);
    let (accepted, stdout, _) = run(&["sync", id, "--json"]).await;
    let stdout: Value = serde_json::from_str(&stdout).unwrap();
    assert!(
        accepted && stdout["status"] == 204 && stdout["notifications"][0]["status"] == "delivered",
        "{stdout}"
    );

    let table = run(&["keys"]).await.1;
    assert!(table.contains(id) && table.contains("invoices") && table.contains("from 20"), "{table}");
    let json: Value = serde_json::from_str(&run(&["keys", "--json"]).await.1).unwrap();
    assert!(json.as_array().unwrap().iter().any(|key| key["id"] == id), "{json}");
    assert!(run(&["services"]).await.1.contains("b1"));
    assert!(run(&["services", "callbacks", "cloud-object-storage"]).await.1.contains("acted"));
    for roles in [&["token", "--role", "reader"][..], &["token", "--role", "manager", "--role", "key-purge"]]
    {
        assert_eq!(run(roles).await.1.trim().split('.').count(), 3, "{roles:?}");
    }
    let syncs = ["requests", "--to", "endpoint", "--method", "post", "--path", "/actions/sync"];
    assert!(run(&syncs).await.1.contains("/actions/sync"));
    assert_eq!(run(&[&syncs[..], &["--status", "204", "--count"]].concat()).await.1, "2\n");
    assert!(!run(&[&syncs[..], &["--json"]].concat()).await.1.contains("Bearer ey"));
    assert!(run(&[&syncs[..], &["--json", "--secrets"]].concat()).await.1.contains("Bearer ey"));
    assert!(run(&["redeliver"]).await.1.contains("\"delivered\":0"));
    let file = std::env::temp_dir().join(format!("keysync-recording-{id}.json"));
    assert!(run(&["record", file.to_str().unwrap()]).await.1.contains("wrote "));
    // The key's alias is taken now.
    let (same, statuses, _) = run(&["replay", file.to_str().unwrap()]).await;
    assert!(!same && statuses.contains("POST /api/v2/keys"), "{statuses}");
    std::fs::remove_file(file).unwrap();
    let file = std::env::temp_dir().join(format!("keysync-snapshot-{id}.json"));
    let file = file.to_str().unwrap();
    assert!(run(&["snapshots", "save", "mine"]).await.0);
    assert!(run(&["snapshots", "export", "mine", file]).await.1.contains("wrote "));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(run(&["snapshots", "save", "my state"]).await.2.contains("must have 1 to 60"));
    assert!(run(&["snapshots", "import", "theirs", file]).await.0);
    assert!(run(&["snapshots", "delete", "mine"]).await.0);
    let names = run(&["snapshots"]).await.1;
    assert!(names.contains("theirs") && !names.contains("mine"), "{names}");
    assert!(run(&["reset"]).await.0 && !run(&["keys"]).await.1.contains(id));
    assert!(run(&["snapshots", "load", "theirs"]).await.0 && run(&["keys"]).await.1.contains(id));
    std::fs::remove_file(file).unwrap();
    assert_eq!(run(&["rotate-signing-key"]).await.1.matches("whpk_").count(), 2);
    assert_eq!(run(&["rotate-signing-key", "--withdraw"]).await.1.matches("whpk_").count(), 1);
    for every in ["30s", "off"] {
        assert_eq!(run(&["redeliver", "--every", every]).await, (true, String::new(), String::new()));
    }
    assert!(run(&["reset"]).await.0 && !run(&["keys"]).await.1.contains(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_reported_with_remedy() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let unknown_key = "02fd6835-6001-4482-a892-13bd2085f75d";
    for (arguments, expected, part) in [
        (&["register", unknown_key, "s", "r"][..], 1, "KEY_NOT_FOUND_ERR"),
        (&["register", "../keys", "s", "r"], 1, "must be a key's identifier"),
        (&["services", "behave", "unknown", "act"], 1, "no service `unknown`"),
        (&["snapshots", "load", "unknown"], 1, "no snapshot `unknown`"),
        (&["snapshots", "import", "a", "/no/such/file"], 1, "cannot read /no/such/file"),
        (&["snapshots", "import", "a", "Cargo.toml"], 1, "Cargo.toml is not JSON"),
        (&["services", "callbacks", "a/b?c"], 1, "no service `a/b?c`"),
        (&["services", "behave", "cloud-object-storage", "dance"], 2, "harness services behave --help"),
        (&["keys", "create", "kk", "--protect", "bucket"], 2, "a service and a resource"),
        (&["console", "--iam", "http://example.com"], 2, "it must be `https://…`"),
        (&["console", "--port", url.rsplit(':').next().unwrap()], 1, "choose another one with --port"),
    ] {
        let (code, stdout, stderr) = run_with_code(&url, arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(expected), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_range_values_are_rejected_with_range() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let behave = ["services", "behave", "cloud-object-storage"];
    for (arguments, range) in [
        (&["advance", "soon"][..], "must be a duration such as `1h` or `90m`, from 1ms to 366d"),
        (&["advance", "0"], "from 1ms to 366d"),
        (&["redeliver", "--every", "never"], "from 1s to 1d"),
        (&["advance", "0s"], "from 1ms to 366d"),
        (&["advance", "-1h"], "from 1ms to 366d"),
        (&["advance", "9999999y"], "from 1ms to 366d"),
        (&[&behave[..], &["respond=999"]].concat(), "from 200 to 599"),
        (&[&behave[..], &["respond=503.5"]].concat(), "from 200 to 599"),
        (&[&behave[..], &["respond=503,-1"]].concat(), "from 0 to 31536000"),
        (&[&behave[..], &["delay=31536000000"]].concat(), "from 0 to 3600000"),
        (&[&behave[..], &["flaky=101"]].concat(), "from 0 to 100"),
        (&[&behave[..], &["act", "--times", "0"]].concat(), "from 1 to 1000000"),
        (&[&behave[..], &["act", "--times", "-3"]].concat(), "from 1 to 1000000"),
        (&[&behave[..], &["act", "--times", "18446744073709551615"]].concat(), "from 1 to 1000000"),
    ] {
        let (code, stdout, stderr) = run_with_code(&url, arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(range), "{arguments:?}: {stderr}");
    }
    assert!(harness.journal().exchanges().is_empty(), "an invalid command sent a request");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_work_before_and_after_nested_commands() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let (unreachable, json, to) = ("http://127.0.0.1:1", "--json", format!("--harness={url}"));
    let to = to.as_str();
    for arguments in [
        &["keys", "create", "kk", json, to][..],
        &["keys", "create", json, to, "kk"],
        &["keys", json, "create", to, "kk"],
        &["keys", json, to, "create", "kk"],
        &[json, "keys", "create", "kk", "--harness", &url],
        &[to, "keys", json, "create", "kk"],
        &["--harness", &url, json, "keys", "create", "kk"],
        &["keys", to, json],
        &[json, to, "keys"],
        &["services", to, "callbacks", "cloud-object-storage", json],
        &[json, "services", "callbacks", to, "cloud-object-storage"],
        &["token", to, json],
        &[to, json, "token"],
        &["sync", json, "an-alias", to],
        &[json, to, "sync", "an-alias"],
        &[to, "redeliver", json],
        &[json, "reset", to],
    ] {
        let (_, stdout, stderr) = run_with_code(unreachable, arguments).await;
        assert!(serde_json::from_str::<Value>(&stdout).is_ok(), "{arguments:?}: {stdout}{stderr}");
    }
    for (arguments, part) in [
        (&["--json", "demo"][..], "`demo` does not accept --json"),
        (&["console", "--json"], "`console` does not accept --json"),
        (&["up", to], "`up` needs no running harness"),
        (&[to, "completions", "bash"], "`completions` needs no running harness"),
        (&["bench", "--at-once", "3", "growth"], "--at-once before `growth` has no effect"),
    ] {
        let (code, _, stderr) = run_with_code(unreachable, arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
    }
    for arguments in [
        &["--json", "bench", "check", "--limits", "no-such-file"][..],
        &["bench", "--json", "check", "--limits", "no-such-file"],
        &["bench", "check", "--limits", "no-such-file", "--json"],
    ] {
        let (code, _, stderr) = run_with_code(unreachable, arguments).await;
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("no-such-file"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_address_is_reported_with_its_origin() {
    let other = Server::start(Router::new().fallback(page)).await;
    let redirecting = Router::new().fallback(async || Redirect::temporary("http://127.0.0.1:1/"));
    let redirecting = Server::start(redirecting).await;
    let harness = harness().await;
    // IAM is a port of the harness without the control API.
    let iam = harness.iam_url();
    for url in ["http://127.0.0.1:1", other.url.as_str(), redirecting.url.as_str(), iam.as_str()] {
        for command in [
            &["keys"][..],
            &["keys", "create", "kk"],
            &["services"],
            &["services", "callbacks", "cloud-object-storage"],
            &["services", "behave", "cloud-object-storage", "act"],
            &["register", "k", "s", "r"],
            &["token"],
            &["sync", "an-alias"],
            &["advance", "1m"],
            &["redeliver"],
            &["reset"],
        ] {
            for (arguments, variable, origin) in [
                (command.to_vec(), url, "from KEYSYNC_HARNESS"),
                ([command, &["--harness", url]].concat(), "http://127.0.0.1:9", "from --harness"),
            ] {
                let (code, stdout, stderr) = run_with_code(variable, &arguments).await;
                assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?} at {url}: {stderr}");
                assert!(stderr.contains(url) && stderr.contains(origin), "{arguments:?}: {stderr}");
                assert!(
                    stderr.contains("set its address with --harness") || stderr.contains("is not a harness"),
                    "{stderr}"
                );
            }
        }
    }
}

/// A harness denies requests with an unknown host name.
#[tokio::test(flavor = "multi_thread")]
async fn denied_host_error_is_shown() {
    let denied =
        async || (StatusCode::FORBIDDEN, Json(json!({"error": "no host of mine: use --allow-host"})));
    let server = Server::start(Router::new().fallback(denied)).await;
    let (code, _, stderr) = run_with_code(&server.url, &["keys"]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no host of mine: use --allow-host"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_address_is_usage_error() {
    for (arguments, variable, origin) in [
        (&["keys", "--harness", "127.0.0.1:8080"][..], "", "from --harness"),
        (&["keys", "--harness", "http://me:sesame@127.0.0.1"], "", "from --harness"),
        (&["keys"], "", "from KEYSYNC_HARNESS"),
        (&["keys"], "localhost", "from KEYSYNC_HARNESS"),
    ] {
        let (code, stdout, stderr) = run_with_code(variable, arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(origin) && stderr.contains("http://127.0.0.1:8080"), "{stderr}");
        assert!(!stderr.contains("sesame"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partly_rejected_key_is_not_created() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let keys = async || {
        let keys: Value = serde_json::from_str(&run(&url, &["keys", "--json"]).await.1).unwrap();
        keys.as_array().unwrap().len()
    };
    assert!(run(&url, &["keys", "create", "first", "--alias", "taken"]).await.0);
    let before = keys().await;
    let long = "a".repeat(91);
    for (more, part) in [
        (&["--alias", "taken"][..], "KEY_ALIAS_NOT_UNIQUE_ERR"),
        (&["--alias", ""], "INVALID_FIELD_ERR"),
        (&["--alias", "a"], "INVALID_FIELD_ERR"),
        (&["--alias", long.as_str()], "INVALID_FIELD_ERR"),
        (&["--alias", "a b"], "INVALID_FIELD_ERR"),
        (&["--alias", "../policies"], "INVALID_FIELD_ERR"),
        (&["--alias", "rotate"], "INVALID_FIELD_ERR"),
        (&["--alias", "02fd6835-6001-4482-a892-13bd2085f75d"], "INVALID_FIELD_ERR"),
        (&["--protect", "cloud-object-storage/a b"], "INVALID_FIELD_ERR"),
        (&["--protect", "NO SERVICE/bucket"], "INVALID_FIELD_ERR"),
        (&["--protect", "cloud-object-storage/b", "--protect", "cloud-object-storage/b"], "given twice"),
    ] {
        let (code, stdout, stderr) =
            run_with_code(&url, &[&["keys", "create", "second"], more].concat()).await;
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{more:?}: {stderr}");
        assert!(stderr.contains(part), "{more:?}: {stderr}");
        assert_eq!(keys().await, before, "{more:?} created a key");
    }
    let unknown_key = "02fd6835-6001-4482-a892-13bd2085f75d";
    assert!(!run(&url, &["register", unknown_key, "cloud-object-storage", "bucket"]).await.0);
    assert!(harness.object_storage().resources().is_empty(), "a failed registration created a resource");
}

/// The page that another server returns for every request.
async fn page() -> Html<&'static str> {
    Html("<p>No harness here.</p>")
}

/// A server other than a harness.
struct Server {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { url, task: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
