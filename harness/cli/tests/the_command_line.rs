//! The command `harness` against a running one: what it prints for people and for machines, and how it
//! fails.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Output, Stdio},
};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{Html, Redirect},
};
use keysync_testkit::{Harness, lambda::Mode};
use serde_json::{Value, json};

/// Runs the command against `url`, off the test's own thread, which the harness needs.
async fn run(url: &str, arguments: &[&str]) -> (bool, String, String) {
    let (code, printed, said) = exit(url, arguments).await;
    (code == Some(0), printed, said)
}

/// The same, with the exit code.
async fn exit(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
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
async fn a_key_is_made_synchronized_and_synchronized_again() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let run = async |arguments: &[&str]| run(&url, arguments).await;

    let protect =
        ["keys", "create", "invoices", "--alias", "invoices", "--protect", "cloud-object-storage/b1"];
    let (made, id, _) = run(&protect).await;
    assert!(made);
    let id = id.trim();
    assert!(run(&["register", id, "databases-for-postgresql", "d1"]).await.1.ends_with(":deployment:d1\n"));
    assert!(run(&["services", "behave", "cloud-object-storage", "answer=503", "--times", "1"]).await.0);

    let (accepted, said, _) = run(&["sync", "invoices"]).await;
    assert!(
        accepted && said.contains("204") && said.contains("retrying") && said.contains("responded with 503"),
        "{said}"
    );
    let (accepted, said, _) = run(&["sync", id]).await;
    assert!(!accepted && said.contains("409 Conflict REQ_TOO_EARLY_ERR"), "{said}");
    assert!(run(&["advance", "61m"]).await.0);
    let (accepted, said, _) = run(&["sync", id, "--json"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(accepted && said["status"] == 204 && said["notifications"][0]["status"] == "delivered", "{said}");

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
    assert!(run(&["redeliver"]).await.1.contains("\"delivered\":0"));
    assert!(run(&["reset"]).await.0 && !run(&["keys"]).await.1.contains(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_the_mend() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let nobody = "02fd6835-6001-4482-a892-13bd2085f75d";
    for (arguments, code, part) in [
        (&["register", nobody, "s", "r"][..], 1, "KEY_NOT_FOUND_ERR"),
        (&["register", "../keys", "s", "r"], 1, "must be a key's identifier"),
        (&["services", "behave", "nobody", "act"], 1, "no service `nobody`"),
        (&["services", "callbacks", "a/b?c"], 1, "no service `a/b?c`"),
        (&["services", "behave", "cloud-object-storage", "dance"], 2, "harness services behave --help"),
        (&["keys", "create", "kk", "--protect", "bucket"], 2, "a service and a resource"),
        (&["console", "--iam", "http://example.com"], 2, "it must be `https://…`"),
        (&["console", "--port", url.rsplit(':').next().unwrap()], 1, "name another one with --port"),
    ] {
        let (ended, printed, said) = exit(&url, arguments).await;
        assert_eq!((ended, printed.as_str()), (Some(code), ""), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_out_of_range_are_rejected_with_the_range() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let behave = ["services", "behave", "cloud-object-storage"];
    for (arguments, range) in [
        (&["advance", "soon"][..], "must be a duration such as `1h` or `90m`, from 1ms to 366d"),
        (&["advance", "0"], "from 1ms to 366d"),
        (&["advance", "0s"], "from 1ms to 366d"),
        (&["advance", "-1h"], "from 1ms to 366d"),
        (&["advance", "9999999y"], "from 1ms to 366d"),
        (&[&behave[..], &["answer=999"]].concat(), "from 200 to 599"),
        (&[&behave[..], &["answer=503.5"]].concat(), "from 200 to 599"),
        (&[&behave[..], &["answer=503,-1"]].concat(), "from 0 to 31536000"),
        (&[&behave[..], &["delay=31536000000"]].concat(), "from 0 to 3600000"),
        (&[&behave[..], &["flaky=101"]].concat(), "from 0 to 100"),
        (&[&behave[..], &["act", "--times", "0"]].concat(), "from 1 to 1000000"),
        (&[&behave[..], &["act", "--times", "-3"]].concat(), "from 1 to 1000000"),
        (&[&behave[..], &["act", "--times", "18446744073709551615"]].concat(), "from 1 to 1000000"),
    ] {
        let (ended, printed, said) = exit(&url, arguments).await;
        assert_eq!((ended, printed.as_str()), (Some(2), ""), "{arguments:?}: {said}");
        assert!(said.contains(range), "{arguments:?}: {said}");
    }
    assert!(harness.journal().exchanges().is_empty(), "nothing was asked of the harness");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_work_before_and_after_nested_commands() {
    let harness = harness().await;
    let url = harness.endpoint_url();
    let (nowhere, json, to) = ("http://127.0.0.1:1", "--json", format!("--harness={url}"));
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
        let (_, printed, said) = exit(nowhere, arguments).await;
        assert!(serde_json::from_str::<Value>(&printed).is_ok(), "{arguments:?}: {printed}{said}");
    }
    for (arguments, part) in [
        (&["--json", "demo"][..], "`demo` takes no --json"),
        (&["console", "--json"], "`console` takes no --json"),
        (&["up", to], "`up` asks no running harness"),
        (&[to, "completions", "bash"], "`completions` asks no running harness"),
        (&["bench", "--at-once", "3", "growth"], "--at-once before `growth` has no effect"),
    ] {
        let (ended, _, said) = exit(nowhere, arguments).await;
        assert_eq!(ended, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    for arguments in [
        &["--json", "bench", "check", "--limits", "no-such-file"][..],
        &["bench", "--json", "check", "--limits", "no-such-file"],
        &["bench", "check", "--limits", "no-such-file", "--json"],
    ] {
        let (ended, _, said) = exit(nowhere, arguments).await;
        assert_eq!(ended, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("no-such-file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_is_named_with_its_origin() {
    let other = Server::start(Router::new().fallback(page)).await;
    let elsewhere = Router::new().fallback(async || Redirect::temporary("http://127.0.0.1:1/"));
    let elsewhere = Server::start(elsewhere).await;
    let harness = harness().await;
    // A part of the harness that has no control API.
    let iam = harness.iam_url();
    for url in ["http://127.0.0.1:1", other.url.as_str(), elsewhere.url.as_str(), iam.as_str()] {
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
                let (ended, printed, said) = exit(variable, &arguments).await;
                assert_eq!((ended, printed.as_str()), (Some(1), ""), "{arguments:?} at {url}: {said}");
                assert!(said.contains(url) && said.contains(origin), "{arguments:?}: {said}");
                assert!(
                    said.contains("name its address with --harness") || said.contains("is no harness"),
                    "{said}"
                );
            }
        }
    }
}

/// The guard of a port, where the harness is reached by a name that it was not told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_host_is_named_in_the_error() {
    let denied =
        async || (StatusCode::FORBIDDEN, Json(json!({"error": "no host of mine: use --allow-host"})));
    let server = Server::start(Router::new().fallback(denied)).await;
    let (ended, _, said) = exit(&server.url, &["keys"]).await;
    assert_eq!(ended, Some(1));
    assert!(said.contains("no host of mine: use --allow-host"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_address_is_a_usage_error() {
    for (arguments, variable, origin) in [
        (&["keys", "--harness", "127.0.0.1:8080"][..], "", "from --harness"),
        (&["keys", "--harness", "http://me:geheim@127.0.0.1"], "", "from --harness"),
        (&["keys"], "", "from KEYSYNC_HARNESS"),
        (&["keys"], "localhost", "from KEYSYNC_HARNESS"),
    ] {
        let (ended, printed, said) = exit(variable, arguments).await;
        assert_eq!((ended, printed.as_str()), (Some(2), ""), "{arguments:?}: {said}");
        assert!(said.contains(origin) && said.contains("http://127.0.0.1:8080"), "{said}");
        assert!(!said.contains("geheim"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rejected_in_part_is_not_made() {
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
        let (ended, printed, said) = exit(&url, &[&["keys", "create", "second"], more].concat()).await;
        assert_eq!((ended, printed.as_str()), (Some(1), ""), "{more:?}: {said}");
        assert!(said.contains(part), "{more:?}: {said}");
        assert_eq!(keys().await, before, "{more:?} left no key");
    }
    let nobody = "02fd6835-6001-4482-a892-13bd2085f75d";
    assert!(!run(&url, &["register", nobody, "cloud-object-storage", "bucket"]).await.0);
    assert!(harness.object_storage().resources().is_empty(), "a registration that failed left no resource");
}

/// What another server answers: a page, whatever it is asked.
async fn page() -> Html<&'static str> {
    Html("<p>No harness here.</p>")
}

/// A server that is no harness.
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

#[test]
fn a_harness_ends_with_whoever_started_it() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["up", "--json", "--port", "0", "--function", "in-process", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(up.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let info: Value = serde_json::from_str(&said).unwrap();
    let port = info["endpoint"].as_str().unwrap().trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&port).is_ok(), "it is there");

    drop(up.stdin.take()); // as the system does when a process dies

    assert!(up.wait().unwrap().success());
    assert!(TcpStream::connect(&port).is_err(), "it is gone");
}

#[tokio::test]
async fn a_shell_can_complete_it() {
    for shell in ["bash", "zsh", "fish"] {
        let (done, script, _) = run("", &["completions", shell]).await;
        assert!(done && script.contains("services") && script.contains("advance"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_alone_is_one_for_any_endpoint_and_ends_with_whoever_started_it() {
    let harness = harness().await;
    let (endpoint, iam) = (harness.endpoint_url(), harness.iam_url());
    let mut console = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["console", "--endpoint", &endpoint, "--iam", &iam, "--resource-controller", &iam])
        .args(["--port", "0", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(console.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.strip_prefix("The console is at ").unwrap().split(',').next().unwrap();

    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = http.get(format!("{url}/login")).send().await.unwrap();
    let cookie = cookie(&page, "keysync-console-login=");
    let form = [("csrf", cookie.split_once('=').unwrap().1), ("apikey", harness.api_key())];
    let login = http.post(format!("{url}/login")).header("cookie", &cookie).form(&form).send().await.unwrap();
    let cookie = self::cookie(&login, "keysync-session-");
    let list = http.get(format!("{url}/resources")).header("cookie", cookie).send().await.unwrap();
    let list = list.text().await.unwrap();
    assert!(list.contains("Resource list") && list.contains(&harness.instance().to_string()), "{list}");

    drop(console.stdin.take());
    assert!(console.wait().unwrap().success());
    assert!(http.get(format!("{url}/login")).send().await.is_err(), "it is gone");
}

/// A cookie that an answer sets, whose name begins so.
fn cookie(answer: &reqwest::Response, name: &str) -> String {
    let set = answer.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mut pairs = set.map(|cookie| cookie.split(';').next().unwrap());
    pairs.find(|pair| pair.starts_with(name)).unwrap().to_owned()
}
