//! Completion in the shell, as a shell requests it: by environment variables, and in bash.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use keysync_testkit::{Harness, lambda::Mode};

const HARNESS: &str = env!("CARGO_BIN_EXE_harness");
/// An address at which no harness listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// The candidates for the last of `words`, which the harness at `url` knows.
async fn candidates(url: &str, words: &[&str]) -> Vec<String> {
    let mut command = Command::new(HARNESS);
    command.args(["--", "harness"]).args(words).env("KEYSYNC_HARNESS", url);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    output(command).await.lines().map(str::to_owned).collect()
}

/// The standard output of a command that succeeds, on another thread than that of the harness.
async fn output(mut command: Command) -> String {
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

async fn harness() -> Harness {
    Harness::builder().mode(Mode::InProcess).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_services_and_behaviours_are_completed() {
    let harness = harness().await;
    let key = harness.new_key("own").create().await.unwrap();
    let url = harness.endpoint_url();
    for words in [&["sync", ""][..], &["register", ""], &["services", "behave", "s", "act", "--key", ""]] {
        assert!(candidates(&url, words).await.contains(&key.id().to_owned()), "{words:?}");
    }
    let start = &key.id()[..8];
    assert_eq!(candidates(&url, &["sync", start]).await, [key.id()]);
    let both = ["cloud-object-storage", "databases-for-postgresql"];
    for words in
        [&["services", "callbacks", ""][..], &["register", key.id(), ""], &["services", "behave", ""]]
    {
        let found = candidates(&url, words).await;
        assert!(both.iter().all(|name| found.contains(&(*name).to_owned())), "{words:?}: {found:?}");
    }
    assert_eq!(
        candidates(&url, &["keys", "create", "k", "--protect", "cl"]).await,
        ["cloud-object-storage/"]
    );
    let behaviours = candidates(&url, &["services", "behave", both[0], "ac"]).await;
    assert_eq!(behaviours, ["act", "ack-without-acting", "act-then-reset"]);
    // The address on the command line precedes that of the environment.
    assert_eq!(candidates(NOWHERE, &["--harness", &url, "sync", start]).await, [key.id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_completed_without_a_harness() {
    let since = Instant::now();
    for words in [&["sync", "0"][..], &["services", "callbacks", "c"], &["snapshots", "load", "s"]] {
        assert_eq!(candidates(NOWHERE, words).await, [""; 0], "{words:?}");
        assert_eq!(candidates("no-url", words).await, [""; 0], "{words:?}");
    }
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert_eq!(candidates(NOWHERE, &["snap"]).await, ["snapshots"], "commands need no harness");
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_with_the_printed_script() {
    if Command::new("bash").arg("--version").output().is_err() {
        return; // no bash on this machine
    }
    let harness = harness().await;
    let key = harness.new_key("own").create().await.unwrap();
    let mut command = Command::new("bash");
    // What bash does for `harness sync START<Tab>`.
    let script = format!(
        "source <('{HARNESS}' completions bash) && complete -p harness && COMP_WORDS=(harness sync {start}) && \
         COMP_CWORD=2 && COMP_TYPE=9 && _clap_complete_harness harness {start} sync && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        start = &key.id()[..8]
    );
    command.args(["--norc", "-c", &script]).env("KEYSYNC_HARNESS", harness.endpoint_url());
    let printed = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap(); // standard error has warnings of `compopt`
    assert!(printed.starts_with("complete ") && printed.ends_with(&format!("{}\n", key.id())), "{printed}");
}

#[tokio::test]
async fn script_is_printed_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let mut command = Command::new(HARNESS);
        command.args(["completions", shell]);
        let script = output(command).await;
        assert!(script.contains("COMPLETE") && script.contains("harness"), "{shell}: {script}");
    }
}
