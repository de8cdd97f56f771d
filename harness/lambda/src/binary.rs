//! The functions' binaries, and their build in a checkout of keysync.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

use super::FunctionError;

/// The functions, as their binaries are called.
pub const SYNC: &str = "sync";
/// The function that consumes lifecycle events.
pub const LIFECYCLE: &str = "lifecycle";
/// The function that delivers notifications again that were not confirmed.
pub const REDELIVER: &str = "redeliver";
const ALL: [&str; 3] = [SYNC, LIFECYCLE, REDELIVER];

/// Names the checkout of keysync whose functions are built when a function is first needed. Its own cargo configuration
/// sets it (`.cargo/config.toml`), so that no test there runs an old binary.
pub const WORKSPACE: &str = "KEYSYNC_WORKSPACE";

static BUILT: OnceCell<BTreeMap<&str, PathBuf>> = OnceCell::const_new();

/// The binary of a function: the one that `KEYSYNC_<NAME>_BIN` names; under cargo in a checkout that [`WORKSPACE`] names,
/// one that is up to date; otherwise the one beside this executable.
pub async fn binary(function: &'static str) -> Result<PathBuf, FunctionError> {
    if let Some(named) = std::env::var_os(format!("KEYSYNC_{}_BIN", function.to_uppercase())) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(FunctionError::no_binary(function, vec![named]))
        };
    }
    let (Some(cargo), Some(workspace)) = (std::env::var_os("CARGO"), std::env::var_os(WORKSPACE)) else {
        return beside_this(function);
    };
    let built = BUILT.get_or_try_init(|| build(Path::new(&cargo), Path::new(&workspace))).await?;
    built.get(function).cloned().ok_or(FunctionError::NotBuilt)
}

/// Builds them in the profile of this executable, and with the features that their dependencies have for
/// this executable, which are thus not built once more. Cargo says on standard error what it does; where
/// nothing is to be done it takes a fraction of a second.
async fn build(cargo: &Path, workspace: &Path) -> Result<BTreeMap<&'static str, PathBuf>, FunctionError> {
    let mut command = Command::new(cargo);
    command.current_dir(workspace);
    command.args(["build", "--quiet", "--package", "keysync", "--package", "keysync-harness"]);
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

fn beside_this(name: &str) -> Result<PathBuf, FunctionError> {
    let this = std::env::current_exe().map_err(FunctionError::Build)?;
    // Tests run from a folder below the one that binaries are in.
    let looked_at: Vec<PathBuf> = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).collect();
    let found = looked_at.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| FunctionError::no_binary(name, looked_at))
}
