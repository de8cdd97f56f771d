//! `harness verify-receiver`: its output, its exit codes, and the receiver that it starts.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use axum::{Router, http::StatusCode};
use serde_json::Value;

/// Runs the command, and returns its exit code, standard output and standard error.
async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(["verify-receiver", "--key-set", "127.0.0.1:0"]).args(arguments).stdin(Stdio::null());
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The URL of a receiver that responds to everything with this status.
async fn receiver(status: StatusCode) -> String {
    let router = Router::new().fallback(move || async move { status });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_rule_is_reported_in_every_format() {
    let url = receiver(StatusCode::NO_CONTENT).await;
    let junit = std::env::temp_dir().join(format!("keysync-verify-receiver-{}.xml", std::process::id()));
    let rules = "audience-checked,repeat-accepted,repeat-without-effect";
    let arguments = [&*url, "--rule", rules, "--junit", junit.to_str().unwrap()];
    let (code, table, stderr) = run(&arguments).await;
    assert_eq!(code, Some(1), "{stderr}");
    for part in [
        "repeat-accepted",
        "passed",
        "not checked",
        "--effects-url",
        "received: status 204",
        "1 passed, 1 failed, 1 not checked",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let xml = fs::read_to_string(&junit).unwrap();
    fs::remove_file(&junit).unwrap();
    assert!(xml.contains(r#"<failure type="audience-checked""#), "{xml}");

    let (code, json, _) = run(&[&arguments[..], &["--json"]].concat()).await;
    let report: Value = serde_json::from_str(&json).unwrap();
    let failed = &report["rules"][0];
    assert_eq!(
        (code, &failed["rule"], &failed["result"]),
        (Some(1), &"audience-checked".into(), &"failed".into())
    );
    let failure = &failed["failures"][0];
    assert_eq!(failure["received"], "status 204");
    assert!(failure["sent"].is_string() && failure["expected"].is_string(), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_that_cannot_be_checked_exits_2() {
    let rejects = receiver(StatusCode::FORBIDDEN).await;
    for (arguments, message) in [
        (&[&*rejects][..], "does not accept an authentic callback (status 403)"),
        (&["http://127.0.0.1:1/", "--start-within", "0"], "start it, or correct the URL"),
        (&["http://127.0.0.1:{port}/", "--exec", "exit 3"], "ended before it was checked"),
        (&["https://127.0.0.1:1/", "--start-within", "0"], "start it, or correct the URL"),
        (&[&*rejects.replace("http", "https")], "write http:// for a receiver without TLS"),
        (&["https://127.0.0.1/", "--ca", "missing.pem"], "cannot read missing.pem, given by --ca"),
        (
            &["https://127.0.0.1/", "--ca", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")],
            "it has no certificate",
        ),
        (&["ftp://127.0.0.1/"], "must be http://HOST[:PORT]/PATH or https://"),
        (&["nonsense"], "invalid URL `nonsense`"),
        (&["http://127.0.0.1/", "--rule", "nonsense"], "--list-rules"),
        (&[], "<URL>"),
    ] {
        let (code, stdout, stderr) = run(arguments).await;
        assert!(
            code == Some(2) && stdout.is_empty() && stderr.contains(message),
            "{arguments:?}: {code:?} {stderr}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_with_descriptions() {
    let (code, table, _) = run(&["--list-rules"]).await;
    assert!(
        code == Some(0) && table.contains("audience-checked") && table.contains("data.service"),
        "{table}"
    );
    let (_, json, _) = run(&["--list-rules", "--json"]).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&json).unwrap().len(), 25);
}
