//! The state of a long run: a file of JSON lines that is only appended to, so that a run that was
//! killed can be continued.
//!
//! The first line describes the run. A line that a kill cut short is ignored.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::failure::Failure;

/// An open state file, locked against other runs until it is dropped.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    file: File,
}

impl StateFile {
    /// Opens or creates the file at `path` for a run that `header` describes, and passes each entry
    /// of earlier runs to `entry`.
    pub(crate) fn open<E: DeserializeOwned>(
        path: &Path,
        header: &impl Serialize,
        mut entry: impl FnMut(E),
    ) -> Result<Self, Failure> {
        let shown = path.display();
        let failed =
            |error: io::Error| Failure::Stopped(format!("cannot use the state file {shown}: {error}"));
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Usage(format!(
                    "another run uses the state file {shown}: wait for it, or choose another file with --state"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let header = serde_json::to_value(header).map_err(|error| failed(error.into()))?;
        let mut lines = BufReader::new(&file).lines();
        let first = lines.next().transpose().map_err(failed)?;
        match first.as_deref().map(serde_json::from_str::<serde_json::Value>) {
            Some(Ok(found)) if found == header => {
                for line in lines {
                    if let Ok(found) = serde_json::from_str(&line.map_err(failed)?) {
                        entry(found);
                    }
                }
            }
            Some(Ok(found)) => {
                return Err(Failure::Usage(format!(
                    "the state file {shown} belongs to another run, {found}: choose another file with --state, or \
                     remove it"
                )));
            }
            Some(Err(_)) if !header.to_string().starts_with(first.as_deref().unwrap_or_default()) => {
                return Err(Failure::Usage(format!(
                    "{shown} is not a state file: choose another file with --state"
                )));
            }
            // New, or the header was cut short by a kill.
            Some(Err(_)) | None => {
                file.set_len(0).map_err(failed)?;
                let mut state = Self { path: path.to_owned(), file };
                state.append(&header)?;
                return Ok(state);
            }
        }
        let mut state = Self { path: path.to_owned(), file };
        state.end_cut_line().map_err(failed)?;
        Ok(state)
    }

    /// Appends an entry. It survives the end of this process as soon as this returns.
    pub(crate) fn append(&mut self, entry: &impl Serialize) -> Result<(), Failure> {
        let write = |file: &mut File| -> io::Result<()> {
            let mut line = serde_json::to_vec(entry)?;
            line.push(b'\n');
            file.write_all(&line)
        };
        write(&mut self.file).map_err(|error| {
            Failure::Stopped(format!("cannot write the state file {}: {error}", self.path.display()))
        })
    }

    /// Ends a line that a kill cut short, so that the next entry has its own line.
    fn end_cut_line(&mut self) -> io::Result<()> {
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        if last == *b"\n" { Ok(()) } else { self.file.write_all(b"\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("keysyncctl-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn entries(path: &Path, header: &str) -> Result<Vec<u32>, Failure> {
        let mut entries = Vec::new();
        StateFile::open(path, &header, |entry| entries.push(entry)).map(|_| entries)
    }

    #[test]
    fn line_cut_short_is_ignored() {
        let path = path("cut");
        let mut state = StateFile::open(&path, &"run", |_: u32| panic!("a new file is empty")).unwrap();
        state.append(&1).unwrap();
        state.append(&2).unwrap();
        drop(state);
        let length = std::fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length - 2).unwrap();
        let mut state = StateFile::open(&path, &"run", |entry: u32| assert_eq!(entry, 1)).unwrap();
        state.append(&3).unwrap();
        drop(state);
        assert_eq!(entries(&path, "run").unwrap(), [1, 3]);
    }

    #[test]
    fn file_of_another_run_is_rejected() {
        let path = path("other");
        entries(&path, "one run").unwrap();
        assert!(matches!(entries(&path, "another"), Err(Failure::Usage(text)) if text.contains("one run")));
        std::fs::write(&path, "name,size\n").unwrap();
        assert!(matches!(entries(&path, "run"), Err(Failure::Usage(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "name,size\n", "left as it was");
    }

    #[test]
    fn header_cut_short_starts_again() {
        let path = path("header");
        std::fs::write(&path, "\"ru").unwrap();
        assert_eq!(entries(&path, "run").unwrap(), [0; 0]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"run\"\n");
    }

    #[test]
    fn second_run_at_once_is_rejected() {
        let path = path("locked");
        let _first = StateFile::open(&path, &"run", |_: u32| {}).unwrap();
        assert!(matches!(entries(&path, "run"), Err(Failure::Usage(_))));
    }
}
