//! The measured binaries, built as for a deployment.
//!
//! The binaries of tests share dependencies with the harness, and so have features that the harness
//! enables. These are built without the harness, with the features of a deployment only.

use std::{
    env::consts::EXE_SUFFIX,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::process::Command;

use super::BenchError;

/// The environment variable with the path of the keysync checkout whose binaries are built and
/// measured. The checkout's `.cargo/config.toml` sets it.
const WORKSPACE: &str = "KEYSYNC_WORKSPACE";

/// Paths of the measured binaries.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    /// The function `sync`.
    pub(super) sync: PathBuf,
    /// A function that does nothing (`harness/hello`).
    pub(super) hello: PathBuf,
}

impl Binaries {
    /// Builds the binaries when run under cargo in a checkout; otherwise expects them next to this
    /// executable.
    pub(super) async fn find() -> Result<Self, BenchError> {
        match (std::env::var_os("CARGO"), std::env::var_os(WORKSPACE)) {
            (Some(cargo), Some(workspace)) => Self::build(Path::new(&cargo), Path::new(&workspace)).await,
            _ => Self::next_to_executable(),
        }
    }

    async fn build(cargo: &Path, workspace: &Path) -> Result<Self, BenchError> {
        let mut command = Command::new(cargo);
        command.current_dir(workspace).stderr(Stdio::inherit());
        command.args(["build", "--release", "--package", "keysync-functions", "--package", "keysync-hello"]);
        command.args(["--bin", "sync", "--bin", "hello", "--message-format=json-render-diagnostics"]);
        let output = command.output().await.map_err(BenchError::Build)?;
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        let built = |name: &'static str| {
            let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let executable = messages.find_map(|message| {
                let path = message["executable"].as_str().map(PathBuf::from)?;
                (message["target"]["name"] == name).then_some(path)
            });
            executable.ok_or(BenchError::NotBuilt(name))
        };
        Ok(Self { sync: built("sync")?, hello: built("hello")? })
    }

    fn next_to_executable() -> Result<Self, BenchError> {
        let this = std::env::current_exe().map_err(BenchError::Build)?;
        let folder = this.parent().unwrap_or(Path::new("."));
        let found = |name: &'static str, path: PathBuf| {
            if path.is_file() { Ok(path) } else { Err(BenchError::NoBinary { name, path }) }
        };
        Ok(Self {
            sync: found("sync", folder.join(format!("sync{EXE_SUFFIX}")))?,
            hello: found("hello", folder.join(format!("hello{EXE_SUFFIX}")))?,
        })
    }
}
