//! `harness snapshots`: named snapshots of the harness's state.

use std::{error::Error, path::PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{output, remote::Remote, show};

/// Commands of `harness snapshots`.
#[derive(Subcommand)]
pub(super) enum SnapshotsCommand {
    /// Save the present state under a name.
    Save {
        /// Name of the snapshot.
        name: String,
    },
    /// Reset the harness, and restore the state of a snapshot.
    Load {
        /// Name of the snapshot.
        name: String,
    },
    /// Write a snapshot to a file, to share it.
    Export {
        /// Name of the snapshot.
        name: String,
        /// File to write.
        file: PathBuf,
    },
    /// Read a snapshot from a file, of this or another harness, and store it under a name.
    Import {
        /// Name of the snapshot.
        name: String,
        /// File to read.
        file: PathBuf,
    },
    /// Delete a snapshot.
    Delete {
        /// Name of the snapshot.
        name: String,
    },
}

/// A file of a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot {verb} {}: {error}", file.display())]
    Io { verb: &'static str, file: PathBuf, error: std::io::Error },
    #[error("{} is not a snapshot: {error}; `harness snapshots export` writes one", file.display())]
    NotJson { file: PathBuf, error: serde_json::Error },
}

/// Runs `harness snapshots`.
pub(super) async fn run(
    command: Option<SnapshotsCommand>,
    remote: &Remote,
    as_json: bool,
) -> Result<(), Box<dyn Error>> {
    match command {
        None => show::names(remote, &remote.get(&["snapshots"]).await?, as_json)?,
        Some(SnapshotsCommand::Save { name }) => {
            remote.post(&["snapshots", &name], &json!({})).await?;
        }
        Some(SnapshotsCommand::Load { name }) => {
            remote.post(&["snapshots", &name, "load"], &json!({})).await?;
        }
        Some(SnapshotsCommand::Export { name, file }) => {
            let snapshot = remote.get(&["snapshots", &name]).await?;
            std::fs::write(&file, snapshot.to_string()).map_err(|error| FileError::Io {
                verb: "write",
                file: file.clone(),
                error,
            })?;
            output::line(format!("wrote {}", file.display()))?;
        }
        Some(SnapshotsCommand::Import { name, file }) => {
            let text = std::fs::read_to_string(&file).map_err(|error| FileError::Io {
                verb: "read",
                file: file.clone(),
                error,
            })?;
            let snapshot: Value =
                serde_json::from_str(&text).map_err(|error| FileError::NotJson { file, error })?;
            remote.put(&["snapshots", &name], &snapshot).await?;
        }
        Some(SnapshotsCommand::Delete { name }) => remote.delete(&["snapshots", &name]).await?,
    }
    Ok(())
}
