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
    /// The binaries that every measurement needs.
    pub(super) async fn find() -> Result<Self, BenchError> {
        let [sync, hello] = find(["sync", "hello"]).await?;
        Ok(Self { sync, hello })
    }
}

/// Builds the binaries with these names when run under cargo in a checkout; otherwise expects them
/// next to this executable.
pub(super) async fn find<const N: usize>(names: [&'static str; N]) -> Result<[PathBuf; N], BenchError> {
    let mut paths = [const { PathBuf::new() }; N];
    match (std::env::var_os("CARGO"), std::env::var_os(WORKSPACE)) {
        (Some(cargo), Some(workspace)) => {
            let messages = build(Path::new(&cargo), Path::new(&workspace), &names).await?;
            for (path, name) in paths.iter_mut().zip(names) {
                *path = built(&messages, name)?;
            }
        }
        _ => {
            for (path, name) in paths.iter_mut().zip(names) {
                *path = next_to_executable(name)?;
            }
        }
    }
    Ok(paths)
}

/// Builds the binaries and returns cargo's messages.
async fn build(cargo: &Path, workspace: &Path, names: &[&str]) -> Result<String, BenchError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace).stderr(Stdio::inherit());
    command.args(["build", "--release", "--package", "keysync-functions", "--package", "keysync-hello"]);
    command.args(names.iter().flat_map(|name| ["--bin", name]));
    let output = command.arg("--message-format=json-render-diagnostics").output().await;
    Ok(String::from_utf8_lossy(&output.map_err(BenchError::Build)?.stdout).into_owned())
}

/// The path of a binary that was built.
fn built(messages: &str, name: &'static str) -> Result<PathBuf, BenchError> {
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.find_map(|message| {
        let path = message["executable"].as_str().map(PathBuf::from)?;
        (message["target"]["name"] == name).then_some(path)
    });
    executable.ok_or(BenchError::NotBuilt(name))
}

fn next_to_executable(name: &'static str) -> Result<PathBuf, BenchError> {
    let this = std::env::current_exe().map_err(BenchError::Build)?;
    let path = this.parent().unwrap_or(Path::new(".")).join(format!("{name}{EXE_SUFFIX}"));
    if path.is_file() { Ok(path) } else { Err(BenchError::NoBinary { name, path }) }
}
