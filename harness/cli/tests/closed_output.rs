//! The command `harness` with a closed or full output: it exits as after SIGPIPE and never panics.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::{
    fs::File,
    io,
    process::{Command, Output, Stdio},
};

use keysync_testkit::{Harness, lambda::Mode};

/// The exit code that a shell shows for SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// The destination of a command's output.
#[derive(Clone, Copy, Debug)]
enum Sink {
    /// A pipe without a reader.
    NoReader,
    /// A full device.
    FullDevice,
}

impl Sink {
    fn stdio(self) -> Stdio {
        match self {
            Self::NoReader => io::pipe().unwrap().1.into(), // drops the read end
            Self::FullDevice => File::options().write(true).open("/dev/full").unwrap().into(),
        }
    }
}

/// Runs the command on another thread, because the harness needs the test's thread. Returns the
/// exit code and standard error.
async fn run(url: &str, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).env("KEYSYNC_HARNESS", url).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let ran = tokio::task::spawn_blocking(move || {
        // The command keeps its descriptors open until it is dropped.
        let child = command.spawn().unwrap();
        drop(command);
        child.wait_with_output().unwrap()
    });
    let Output { status, stderr, .. } = ran.await.unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Every command that prints, each only to standard output.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["--version"],
    &["help", "services"],
    &["keys", "create", "--help"],
    &["completions", "bash"],
    &["completions", "zsh"],
    &["demo", "--function", "in-process"],
    &["up", "--port", "0", "--function", "in-process"],
    &["up", "--json", "--port", "0", "--function", "in-process"],
    &["console", "--port", "0"],
    &["token"],
    &["keys"],
    &["keys", "--json"],
    &["keys", "create", "a-name"],
    &["register", "KEY", "cloud-object-storage", "a-bucket"],
    &["sync", "KEY"],
    &["sync", "KEY", "--json"],
    &["services"],
    &["services", "callbacks", "cloud-object-storage"],
    &["redeliver"],
    &["reset"],
];

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_reader_exit_like_sigpipe() {
    for sink in [Sink::NoReader, Sink::FullDevice] {
        let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
        let key = harness.new_key("own").create().await.unwrap();
        for command in COMMANDS {
            let arguments: Vec<&str> =
                command.iter().map(|word| if *word == "KEY" { key.id() } else { word }).collect();
            let (code, stderr) = run(&harness.endpoint_url(), &arguments, sink.stdio(), Stdio::piped()).await;
            match sink {
                Sink::NoReader => assert_eq!((code, stderr.as_str()), (Some(BROKEN_PIPE), ""), "{command:?}"),
                Sink::FullDevice => {
                    assert_eq!(code, Some(1), "{command:?}: {stderr}");
                    assert!(
                        stderr.starts_with("harness: cannot write to standard output: "),
                        "{command:?}: {stderr}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_commands_need_no_reader() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    for command in
        [&["advance", "1m"][..], &["services", "behave", "cloud-object-storage", "ack-without-acting"]]
    {
        let (code, stderr) =
            run(&harness.endpoint_url(), command, Sink::NoReader.stdio(), Stdio::piped()).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_without_reader_keep_exit_code() {
    let unreachable = "http://127.0.0.1:1";
    for (command, code) in [
        (&["keys"][..], 1),
        (&["sync", "a-key"], 1),
        (&["bench", "check", "--limits", "no-such-file.json"], 1),
        (&["keys", "--harness", "nowhere"], 2),
        (&["advance", "0"], 2),
        (&["no-such-command"], 2),
    ] {
        for sink in [Sink::NoReader, Sink::FullDevice] {
            let (exit_code, _) = run(unreachable, command, sink.stdio(), sink.stdio()).await;
            assert_eq!(exit_code, Some(code), "{command:?}, {sink:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn function_continues_when_log_is_closed() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["up", "--json", "--port", "0", "--verbose", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Sink::NoReader.stdio())
        .spawn()
        .unwrap();
    let mut line = String::new();
    io::BufRead::read_line(&mut io::BufReader::new(up.stdout.take().unwrap()), &mut line).unwrap();
    let info: serde_json::Value = serde_json::from_str(&line).unwrap();
    let (url, key) = (info["endpoint"].as_str().unwrap(), info["root_key_id"].as_str().unwrap());
    for expected in [0, 1] {
        // Each sync makes the function write to its log.
        let (code, stderr) = run(url, &["sync", key], Stdio::null(), Stdio::piped()).await;
        assert_eq!(code, Some(expected), "{stderr}");
    }
    drop(up.stdin.take());
    assert!(up.wait().unwrap().success());
}
