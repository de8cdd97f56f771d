//! The command `harness` where nobody reads what it prints: it ends as SIGPIPE ends a program, and never panics.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use std::{
    fs::File,
    io,
    process::{Command, Output, Stdio},
};

use keysync_testkit::{Harness, lambda::Mode};

/// The exit code that a shell shows for SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// Where a command's output goes.
#[derive(Clone, Copy, Debug)]
enum To {
    /// A pipe that nobody reads.
    NoReader,
    /// A device that is full.
    FullDevice,
}

impl To {
    fn stdio(self) -> Stdio {
        match self {
            Self::NoReader => io::pipe().unwrap().1.into(), // the reader's end is dropped here
            Self::FullDevice => File::options().write(true).open("/dev/full").unwrap().into(),
        }
    }
}

/// Runs the command off the test's own thread, which the harness needs: its exit code, and standard error.
async fn run(url: &str, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).env("KEYSYNC_HARNESS", url).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let ran = tokio::task::spawn_blocking(move || {
        // The command holds descriptors of its own until it is dropped.
        let child = command.spawn().unwrap();
        drop(command);
        child.wait_with_output().unwrap()
    });
    let Output { status, stderr, .. } = ran.await.unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Every command that prints; each prints nothing but to standard output.
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
async fn every_command_without_a_reader_ends_as_by_sigpipe() {
    for to in [To::NoReader, To::FullDevice] {
        let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
        let key = harness.new_key("own").create().await.unwrap();
        for command in COMMANDS {
            let arguments: Vec<&str> =
                command.iter().map(|word| if *word == "KEY" { key.id() } else { word }).collect();
            let (code, said) = run(&harness.endpoint_url(), &arguments, to.stdio(), Stdio::piped()).await;
            match to {
                To::NoReader => assert_eq!((code, said.as_str()), (Some(BROKEN_PIPE), ""), "{command:?}"),
                To::FullDevice => {
                    assert_eq!(code, Some(1), "{command:?}: {said}");
                    assert!(
                        said.starts_with("harness: cannot write to standard output: "),
                        "{command:?}: {said}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_print_nothing_need_no_reader() {
    let harness = Harness::builder().mode(Mode::InProcess).start().await.unwrap();
    for command in [&["advance", "1m"][..], &["services", "behave", "cloud-object-storage", "miss"]] {
        let (code, said) = run(&harness.endpoint_url(), command, To::NoReader.stdio(), Stdio::piped()).await;
        assert_eq!((code, said.as_str()), (Some(0), ""), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_without_a_reader_keep_their_exit_code() {
    let nowhere = "http://127.0.0.1:1";
    for (command, code) in [
        (&["keys"][..], 1),
        (&["sync", "a-key"], 1),
        (&["bench", "check", "--limits", "no-such-file.json"], 1),
        (&["keys", "--harness", "nowhere"], 2),
        (&["advance", "0"], 2),
        (&["no-such-command"], 2),
    ] {
        for to in [To::NoReader, To::FullDevice] {
            let (ended, _) = run(nowhere, command, to.stdio(), to.stdio()).await;
            assert_eq!(ended, Some(code), "{command:?}, {to:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_whose_log_nobody_reads_goes_on() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["up", "--json", "--port", "0", "--verbose", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(To::NoReader.stdio())
        .spawn()
        .unwrap();
    let mut line = String::new();
    io::BufRead::read_line(&mut io::BufReader::new(up.stdout.take().unwrap()), &mut line).unwrap();
    let info: serde_json::Value = serde_json::from_str(&line).unwrap();
    let (url, key) = (info["endpoint"].as_str().unwrap(), info["root_key_id"].as_str().unwrap());
    for expected in [0, 1] {
        // Each sync has the function write to its log.
        let (code, said) = run(url, &["sync", key], Stdio::null(), Stdio::piped()).await;
        assert_eq!(code, Some(expected), "{said}");
    }
    drop(up.stdin.take());
    assert!(up.wait().unwrap().success());
}
