//! The function's environment as a file, for a function that is started separately:
//! `cargo lambda watch --env-file`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::HarnessError;

/// Writes `NAME='value'` lines, which shells also accept; no value contains a single quote. The
/// file contains the signing key of this harness's callbacks, so only its owner may read it.
pub(crate) fn write(path: &Path, env: &[(String, String)]) -> Result<(), HarnessError> {
    let lines: Vec<String> = env.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
    write_private(path, &(lines.join("\n") + "\n"))
        .map_err(|error| HarnessError::EnvFile { path: path.to_owned(), error })
}

/// Writes a new file and renames it to `path`, so that no other user can read it at any time, even
/// if the old file is readable or open.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let target = match fs::metadata(path) {
        // The mode of a pipe or a terminal does not matter, and it cannot be replaced.
        Ok(found) if !found.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
        }
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let new = beside(&target)?;
    let written = create_private(&new).and_then(|mut file| file.write_all(text.as_bytes()));
    let placed = written.and_then(|()| fs::rename(&new, &target));
    if placed.is_err() {
        // The first error is returned; the new file may not exist.
        let _ = fs::remove_file(&new);
    }
    placed
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(path.with_file_name(format!(".{}.{}", name.display(), Uuid::new_v4().simple())))
}

fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("the file").permissions().mode() & 0o777
    }

    #[test]
    fn file_is_private_to_its_owner() {
        let folder = std::env::temp_dir().join(format!("keysync-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let env = [("KEYSYNC_TABLE".to_owned(), "keysync".to_owned())];
        let (new, old, link) = (folder.join("new.env"), folder.join("old.env"), folder.join("link.env"));
        fs::write(&old, "an old one").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
        let mut open = fs::File::open(&old).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        for path in [&new, &old, &link] {
            write(path, &env).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), "KEYSYNC_TABLE='keysync'\n");
            assert_eq!(mode(path), 0o600, "{}", path.display());
        }
        let mut seen = String::new();
        io::Read::read_to_string(&mut open, &mut seen).unwrap();
        assert_eq!(seen, "an old one", "an open old file does not show the new content");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link remains a link");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "no temporary file remains");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn error_names_the_unwritable_path() {
        let error = write(Path::new("/no/such/folder/harness.env"), &[]).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/harness.env"), "{error}");
        write(Path::new("/dev/null"), &[]).unwrap();
    }
}
