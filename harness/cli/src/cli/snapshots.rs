//! `harness snapshots`: named snapshots of the harness's state.

use std::{error::Error, path::PathBuf};

use clap::Subcommand;
use clap_complete::ArgValueCandidates;
use keysync_testkit::limits;
use serde_json::json;

use super::{completion, files, remote::Remote, show};

/// Commands of `harness snapshots`.
#[derive(Subcommand)]
pub(super) enum SnapshotsCommand {
    /// Save the present state under a name.
    Save {
        /// Name of the snapshot.
        #[arg(value_parser = limits::snapshot_name, add = ArgValueCandidates::new(completion::snapshots))]
        name: String,
    },
    /// Reset the harness, and restore the state of a snapshot.
    Load {
        /// Name of the snapshot.
        #[arg(value_parser = limits::snapshot_name, add = ArgValueCandidates::new(completion::snapshots))]
        name: String,
    },
    /// Write a snapshot to a file, to share it.
    Export {
        /// Name of the snapshot.
        #[arg(value_parser = limits::snapshot_name, add = ArgValueCandidates::new(completion::snapshots))]
        name: String,
        /// File to write.
        file: PathBuf,
    },
    /// Read a snapshot from a file, of this or another harness, and store it under a name.
    Import {
        /// Name of the snapshot.
        #[arg(value_parser = limits::snapshot_name, add = ArgValueCandidates::new(completion::snapshots))]
        name: String,
        /// File to read.
        file: PathBuf,
    },
    /// Delete a snapshot.
    Delete {
        /// Name of the snapshot.
        #[arg(value_parser = limits::snapshot_name, add = ArgValueCandidates::new(completion::snapshots))]
        name: String,
    },
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
            files::write(&file, &remote.get(&["snapshots", &name]).await?)?;
        }
        Some(SnapshotsCommand::Import { name, file }) => {
            remote.put(&["snapshots", &name], &files::read(&file)?).await?;
        }
        Some(SnapshotsCommand::Delete { name }) => remote.delete(&["snapshots", &name]).await?,
    }
    Ok(())
}
