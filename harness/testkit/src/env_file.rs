//! The function's environment as a file, for whoever starts the function: `cargo lambda watch --env-file`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::HarnessError;

/// Writes `NAME='value'` lines, which shells read, too; no value of ours holds a single quote. The file
/// holds the callbacks' signing key of this harness, so nobody but its owner may read it.
pub(crate) fn write(path: &Path, env: &[(String, String)]) -> Result<(), HarnessError> {
    let lines: Vec<String> = env.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
    write_private(path, &(lines.join("\n") + "\n"))
        .map_err(|error| HarnessError::EnvFile { path: path.to_owned(), error })
}

/// Writes a new file and puts it in the place of the old one, so that there is no moment at which others can read it,
/// whatever the old one's mode was and whoever has that open.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let target = match fs::metadata(path) {
        // A pipe or a terminal has no mode that would matter, and cannot be replaced.
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
        // The reason is what matters; what was begun may not even be there.
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
    fn nobody_else_may_read_it() {
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
        assert_eq!(seen, "an old one", "who had the old one open does not see the new one");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "nothing else is left");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let error = write(Path::new("/no/such/folder/harness.env"), &[]).unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/harness.env"), "{error}");
        write(Path::new("/dev/null"), &[]).unwrap();
    }
}
