//! One harness at a time for a table in a file: SQLite would let two write to it, and each would take the other's keys,
//! users and signing key for its own.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{DynamoError, Engine};

/// The right to a table's file, until this is dropped or the process ends, however it does.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the right to `path`, or tells who has it.
    pub(super) fn take(path: &Path) -> Result<Self, DynamoError> {
        let failed = |error: io::Error| DynamoError::Engine {
            engine: Engine::File(path.to_owned()),
            reason: format!("its lock, the file beside it: {error}"),
        };
        // Not the file itself: closing that anywhere in this process would end the locks that SQLite has on it.
        let beside = beside(path).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(beside).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DynamoError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// `FILE.lock`, beside the file that `path` leads to, whatever links it takes.
fn beside(path: &Path) -> io::Result<PathBuf> {
    // A link may lead to a file that is yet to be made: SQLite takes an empty one for a new table.
    OpenOptions::new().create(true).append(true).open(path)?;
    let mut name = fs::canonicalize(path)?.into_os_string();
    name.push(".lock");
    Ok(name.into())
}
