//! The command line that runs a function: its binary, which is built in a checkout of keysync, or
//! this executable, if that contains the functions.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

use super::{FunctionError, executable};

/// The function behind the sync API. Each function's name is that of its binary.
pub const SYNC: &str = "sync";
/// The function that consumes lifecycle events.
pub const LIFECYCLE: &str = "lifecycle";
/// The function that redelivers unconfirmed notifications.
pub const REDELIVER: &str = "redeliver";
const ALL: [&str; 3] = [SYNC, LIFECYCLE, REDELIVER];

/// The environment variable with the path of the keysync checkout whose functions are built when a
/// function is first needed. The checkout's `.cargo/config.toml` sets it, so that no test runs an
/// outdated binary.
pub const WORKSPACE: &str = "KEYSYNC_WORKSPACE";

static BUILT: OnceCell<BTreeMap<&str, PathBuf>> = OnceCell::const_new();

/// The command line of a function's process: the binary in `KEYSYNC_<NAME>_BIN`; otherwise this
/// executable, if it [contains the functions](super::run_requested_function); otherwise, under
/// cargo with [`WORKSPACE`], a binary that is built now; otherwise the binary in this executable's
/// folder.
pub async fn command(function: &'static str) -> Result<Vec<OsString>, FunctionError> {
    if let Some(named) = std::env::var_os(format!("KEYSYNC_{}_BIN", function.to_uppercase())) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(vec![named.into()])
        } else {
            Err(FunctionError::no_binary(function, vec![named]))
        };
    }
    if let Some(command) = executable::command(function)? {
        return Ok(command);
    }
    let (Some(cargo), Some(workspace)) = (std::env::var_os("CARGO"), std::env::var_os(WORKSPACE)) else {
        return Ok(vec![beside_this_executable(function)?.into()]);
    };
    let built = BUILT.get_or_try_init(|| build(Path::new(&cargo), Path::new(&workspace))).await?;
    Ok(vec![built.get(function).ok_or(FunctionError::NotBuilt)?.into()])
}

/// Builds the functions in the profile of this executable and with the same features of their
/// dependencies, so that those are not rebuilt. Cargo reports to standard error. An up-to-date
/// build takes a fraction of a second.
async fn build(cargo: &Path, workspace: &Path) -> Result<BTreeMap<&'static str, PathBuf>, FunctionError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace);
    command.args(["build", "--quiet", "--package", "keysync-functions", "--package", "keysync-harness"]);
    command.args(ALL.into_iter().flat_map(|name| ["--bin", name]));
    command.arg("--message-format=json-render-diagnostics");
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output =
        command.stderr(std::process::Stdio::inherit()).output().await.map_err(FunctionError::Build)?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let built =
        messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter_map(|message| {
            let name = ALL.into_iter().find(|name| message["target"]["name"] == *name)?;
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        });
    Ok(built.collect())
}

fn beside_this_executable(name: &str) -> Result<PathBuf, FunctionError> {
    let this = std::env::current_exe().map_err(FunctionError::Executable)?;
    // Test executables are in a subfolder of the binaries' folder.
    let looked_at: Vec<PathBuf> = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).collect();
    let found = looked_at.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| FunctionError::no_binary(name, looked_at))
}
