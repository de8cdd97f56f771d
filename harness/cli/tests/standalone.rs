//! Commands that need no running harness: `up` and `console`.
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
#[cfg(target_os = "linux")] // other systems have no 127.0.0.2
fn endpoint_and_iam_listen_on_given_address() {
    for (address, is_reachable) in [("0.0.0.0", true), ("127.0.0.1", false)] {
        let iam_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut up = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["up", "--json", "--port", "0", "--function", "in-process", "--until-eof"])
            .args(["--listen", address, "--iam-port", &iam_port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(up.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let info: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(info["iam"], format!("http://127.0.0.1:{iam_port}"));
        for url in [&info["iam"], &info["endpoint"]] {
            let other = url.as_str().unwrap().replace("http://127.0.0.1", "127.0.0.2");
            assert_eq!(TcpStream::connect(&other).is_ok(), is_reachable, "{other} with {address}");
        }
        drop(up.stdin.take());
        assert!(up.wait().unwrap().success());
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
