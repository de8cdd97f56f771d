//! Commands that need no running harness: `up`, `console` and `completions`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
};

use keysync_testkit::{Harness, lambda::Mode};
use serde_json::Value;

#[test]
fn harness_exits_with_parent_process() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["up", "--json", "--port", "0", "--function", "in-process", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(up.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let info: Value = serde_json::from_str(&line).unwrap();
    let port = info["endpoint"].as_str().unwrap().trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&port).is_ok(), "the harness does not listen");

    drop(up.stdin.take()); // as the system does when the parent process exits

    assert!(up.wait().unwrap().success());
    assert!(TcpStream::connect(&port).is_err(), "the server still listens");
}

#[test]
fn completions_are_generated_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_harness")).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("services") && script.contains("advance"),
            "{shell}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_console_exits_with_parent_process() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    let (endpoint, iam) = (harness.endpoint_url(), harness.iam_url());
    let mut console = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["console", "--endpoint", &endpoint, "--iam", &iam, "--resource-controller", &iam])
        .args(["--port", "0", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(console.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("The console is at ").unwrap().split(',').next().unwrap();

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
    assert!(http.get(format!("{url}/login")).send().await.is_err(), "the server still listens");
}

/// The cookie of a response whose name starts with `name`.
fn cookie(response: &reqwest::Response, name: &str) -> String {
    let set = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let mut pairs = set.map(|cookie| cookie.split(';').next().unwrap());
    pairs.find(|pair| pair.starts_with(name)).unwrap().to_owned()
}
