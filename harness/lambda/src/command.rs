//! The command line that runs a function: its binary, or this executable, if that contains the
//! functions.

use std::{ffi::OsString, path::PathBuf};

use super::{FunctionError, executable};

/// The function behind the sync API. Each function's name is that of its binary.
pub const SYNC: &str = "sync";
/// The function that consumes lifecycle events.
pub const LIFECYCLE: &str = "lifecycle";
/// The function that redelivers unconfirmed notifications.
pub const REDELIVER: &str = "redeliver";

/// The command line of a function's process: the binary in `KEYSYNC_<NAME>_BIN`; otherwise this
/// executable, if it [contains the functions](super::run_requested_function); otherwise the binary
/// in this executable's folder. Nothing is built: an error names the command that builds it.
pub fn command(function: &'static str) -> Result<Vec<OsString>, FunctionError> {
    if let Some(named) = std::env::var_os(format!("KEYSYNC_{}_BIN", function.to_uppercase())) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(vec![named.into()])
        } else {
            Err(FunctionError::no_binary(function, vec![named]))
        };
    }
    match executable::command(function)? {
        Some(command) => Ok(command),
        None => Ok(vec![beside_this_executable(function)?.into()]),
    }
}

fn beside_this_executable(name: &str) -> Result<PathBuf, FunctionError> {
    let this = std::env::current_exe().map_err(FunctionError::Executable)?;
    // Test executables are in a subfolder of the binaries' folder.
    let looked_at: Vec<PathBuf> = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).collect();
    let found = looked_at.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| FunctionError::no_binary(name, looked_at))
}
