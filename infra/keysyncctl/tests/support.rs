//! Runs the binary, and reads what it writes.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use keysync_testkit::Harness;
use serde_json::Value;
use tokio::process::Command;

/// The API key that emulated endpoints of these tests accept.
pub(crate) const API_KEY: &str = "the-api-key-of-these-tests";

/// The exit codes.
pub(crate) const DONE: i32 = 0;
pub(crate) const SOME_FAILED: i32 = 1;
pub(crate) const USAGE: i32 = 2;
pub(crate) const STOPPED: i32 = 3;

/// How long a test waits for a condition.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder for the files of one test, in which its commands run. Removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The command with these arguments, in this folder, with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keysyncctl"));
        command.args(arguments).current_dir(&self.0).env_clear().kill_on_drop(true).stdin(Stdio::null());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command wrote, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Runs a command to its end.
    pub(crate) async fn of(command: &mut Command) -> Self {
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let Output { status, stdout, stderr } =
            tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Fails the test if the command ended with another exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Sets the environment for the endpoint and the table of `harness`.
pub(crate) fn with_harness<'a>(command: &'a mut Command, harness: &Harness) -> &'a mut Command {
    command.envs([
        ("KEYSYNCCTL_ENDPOINT", harness.endpoint_url()),
        ("KEYSYNCCTL_IAM_URL", harness.iam_url()),
        ("KEYSYNCCTL_INSTANCE", harness.instance().to_string()),
        ("IBMCLOUD_API_KEY", harness.api_key().to_owned()),
    ]);
    with_table(command, harness)
}

/// Sets the environment for the table of `harness` only.
pub(crate) fn with_table<'a>(command: &'a mut Command, harness: &Harness) -> &'a mut Command {
    let dynamodb = harness.dynamodb().url().to_owned();
    command.envs([
        ("KEYSYNC_TABLE", harness.table().to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "harness".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "harness".to_owned()),
    ])
}

/// Runs the command with these arguments against `harness`.
pub(crate) async fn run(folder: &Folder, harness: &Harness, arguments: &[&str]) -> Run {
    Run::of(with_harness(&mut folder.command(arguments), harness)).await
}

/// Waits until a condition is true.
pub(crate) async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let mut pause = tokio::time::interval(Duration::from_millis(10));
    let wait = async {
        while !is_true() {
            pause.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("still waiting: {what}"));
}
