//! A lock on a table's file, for one harness at a time: SQLite lets two processes write to it, and
//! each would use the keys, identities and signing key of the other.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{DynamoError, Engine};

/// The exclusive lock on a table's file. Dropping it or the end of the process releases it.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file at `path`.
    ///
    /// # Errors
    ///
    /// [`DynamoError::InUse`] if another harness has the lock.
    pub(super) fn acquire(path: &Path) -> Result<Self, DynamoError> {
        let failed = |error: io::Error| DynamoError::Engine {
            engine: Engine::File(path.to_owned()),
            reason: format!("cannot lock it with the file `.lock` next to it: {error}"),
        };
        // Not the file itself: closing it anywhere in this process would release the locks of
        // SQLite.
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

/// `FILE.lock`, next to the file that `path` resolves to.
fn beside(path: &Path) -> io::Result<PathBuf> {
    // A link may point to a missing file: SQLite accepts an empty one as a new database.
    OpenOptions::new().create(true).append(true).open(path)?;
    let mut name = fs::canonicalize(path)?.into_os_string();
    name.push(".lock");
    Ok(name.into())
}
