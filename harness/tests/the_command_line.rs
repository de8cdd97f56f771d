//! The command `harness` against a running one: what it prints for people and for machines, and how it
//! fails.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Output, Stdio},
};

use keysync_harness::{Harness, function::Mode};
use serde_json::Value;

/// Runs the command against `url`, off the test's own thread, which the harness needs.
async fn run(url: &str, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).env("KEYSYNC_HARNESS", url);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

async fn harness() -> Harness {
    Harness::builder().function(Mode::InProcess).start().await.unwrap()
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
        accepted && said.contains("204") && said.contains("retrying") && said.contains("answered 503"),
        "{said}"
    );
    let (accepted, said, _) = run(&["sync", id]).await;
    assert!(!accepted && said.contains("409 Conflict REQ_TOO_EARLY_ERR"), "{said}");
    assert!(run(&["travel", "61m"]).await.0);
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
    let nowhere = "http://127.0.0.1:1";
    let (done, _, said) = run(nowhere, &["keys"]).await;
    assert!(!done && said.contains(nowhere) && said.contains("`harness up`"), "{said}");
    let harness = harness().await;
    let url = harness.endpoint_url();
    for (arguments, part) in [
        (&["travel", "soon"][..], "must be a duration such as `1h`"),
        (&["register", "02fd6835-6001-4482-a892-13bd2085f75d", "s", "r"], "KEY_NOT_FOUND_ERR"),
        (&["services", "behave", "nobody", "act"], "no service `nobody`"),
        (&["services", "behave", "cloud-object-storage", "dance"], "harness services behave --help"),
        (&["keys", "create", "k", "--protect", "bucket"], "a service and a resource"),
        (&["console", "--iam", "http://example.com"], "it must be `https://…`"),
        (&["console", "--port", url.rsplit(':').next().unwrap()], "name another one with --port"),
    ] {
        let (done, _, said) = run(&url, arguments).await;
        assert!(!done && said.contains(part), "{arguments:?}: {said}");
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
        assert!(done && script.contains("services") && script.contains("travel"), "{shell}");
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
