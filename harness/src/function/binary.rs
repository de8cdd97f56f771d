//! Where the function's binary is. Under cargo it is built first, so that it is never an old one.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

use super::FunctionError;

/// Names a binary to use instead.
const OVERRIDE: &str = "KEYSYNC_SYNC_BIN";

static BINARY: OnceCell<PathBuf> = OnceCell::const_new();

/// The `sync` binary: the one that `KEYSYNC_SYNC_BIN` names; under cargo a fresh one; else the one
/// beside this executable.
pub async fn sync_binary() -> Result<PathBuf, FunctionError> {
    BINARY.get_or_try_init(find).await.cloned()
}

async fn find() -> Result<PathBuf, FunctionError> {
    if let Some(named) = std::env::var_os(OVERRIDE) {
        let named = PathBuf::from(named);
        return if named.is_file() { Ok(named) } else { Err(FunctionError::NoBinary(vec![named])) };
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::var_os("CARGO") {
        Some(cargo) if workspace.is_dir() => build(Path::new(&cargo), &workspace).await,
        _ => beside_this(),
    }
}

/// Builds it in the profile of this executable, and with the features that its dependencies have for
/// this executable, which are thus not built once more. Cargo says on standard error what it does; where nothing
/// is to be done it takes a fraction of a second.
async fn build(cargo: &Path, workspace: &Path) -> Result<PathBuf, FunctionError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace);
    command.args([
        "build",
        "--quiet",
        "--package",
        "keysync",
        "--package",
        "keysync-harness",
        "--bin",
        "sync",
    ]);
    command.arg("--message-format=json-render-diagnostics");
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output =
        command.stderr(std::process::Stdio::inherit()).output().await.map_err(FunctionError::Build)?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "sync")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or(FunctionError::NotBuilt)
}

fn beside_this() -> Result<PathBuf, FunctionError> {
    let this = std::env::current_exe().map_err(FunctionError::Build)?;
    // Tests run from a folder below the one that binaries are in.
    let looked_at: Vec<PathBuf> =
        this.ancestors().skip(1).take(2).map(|folder| folder.join("sync")).collect();
    looked_at.iter().find(|path| path.is_file()).cloned().ok_or(FunctionError::NoBinary(looked_at))
}
