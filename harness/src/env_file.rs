//! The function's environment as a file, for whoever starts the function: `cargo lambda watch --env-file`.

use std::{io, path::Path};

use crate::HarnessError;

/// Writes `NAME='value'` lines, which shells read, too; no value of ours holds a single quote. The file
/// holds the callbacks' signing key of this harness.
pub(crate) fn write(path: &Path, env: &[(String, String)]) -> Result<(), HarnessError> {
    let lines: Vec<String> = env.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
    std::fs::write(path, lines.join("\n") + "\n")
        .map_err(|error: io::Error| HarnessError::EnvFile { path: path.to_owned(), error })
}
