//! Files with JSON of the control API: snapshots and recordings.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::output;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot {verb} {}: {error}", file.display())]
    Io { verb: &'static str, file: PathBuf, error: std::io::Error },
    #[error("{} is not JSON: {error}; `harness snapshots export` or `harness record` writes such a file", file.display())]
    NotJson { file: PathBuf, error: serde_json::Error },
}

/// Writes a file that only its owner may read, as it can have the material of keys, and prints its
/// name.
pub(super) fn write(file: &Path, content: &Value) -> Result<(), Box<dyn Error>> {
    let failed = |error| FileError::Io { verb: "write", file: file.to_owned(), error };
    keysync_testkit::write_private(file, &content.to_string()).map_err(failed)?;
    Ok(output::line(format!("wrote {}", file.display()))?)
}

/// Reads a file.
pub(super) fn read(file: &Path) -> Result<Value, Box<dyn Error>> {
    let failed = |error| FileError::Io { verb: "read", file: file.to_owned(), error };
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let parsed = serde_json::from_str(&text);
    Ok(parsed.map_err(|error| FileError::NotJson { file: file.to_owned(), error })?)
}
