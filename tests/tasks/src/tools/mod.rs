//! Tools from Debian, PyPI and npm, and Rust programs. All but Debian's packages go into folders of
//! the target directory, once for each version.

pub(crate) mod cargo_install;
pub(crate) mod debian;
pub(crate) mod npm;
pub(crate) mod pypi;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    command::Context,
    error::{Error, Result},
};

/// Fills `folder` once. `install` gets a temporary folder, which is renamed if it succeeds.
pub(crate) fn once(context: &Context, folder: &Path, install: impl FnOnce(&Path) -> Result) -> Result {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if folder.is_dir() {
        return Ok(());
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let new = folder.with_file_name(format!("new.{}.{count}", std::process::id()));
    fs::create_dir_all(&new).map_err(Error::io("create", &new))?;
    context.say(format!("installing into {}", folder.display()));
    let installed = install(&new).and_then(|()| match fs::rename(&new, folder) {
        // Another process may have been faster.
        Err(_) if folder.is_dir() => Ok(()),
        renamed => renamed.map_err(Error::io("create", folder)),
    });
    if new.is_dir() {
        // A folder that remains does no harm: the next run uses another name.
        let _ = fs::remove_dir_all(&new);
    }
    installed
}

/// The version numbers in the output of `PROGRAM --version`, such as `[3, 11, 7]` of `Python
/// 3.11.7`.
pub(crate) fn version(context: &Context, program: &Path) -> Option<Vec<u32>> {
    numbers(&context.capture(context.command(program).arg("--version")).ok()?)
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let version = text[start..].split(|letter: char| !letter.is_ascii_digit() && letter != '.').next()?;
    version.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

/// The folder of a tool in the target directory.
fn folder(context: &Context, name: &str) -> Result<PathBuf> {
    let folder = context.target.join(name);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_are_parsed() {
        assert_eq!(numbers("Python 3.11.7\n"), Some(vec![3, 11, 7]));
        assert_eq!(numbers("v20.20.2"), Some(vec![20, 20, 2]));
        assert_eq!(numbers("Chromium 156.0.8078.79 built on Debian 12"), Some(vec![156, 0, 8078, 79]));
        assert_eq!(numbers("unknown"), None);
    }

    #[test]
    fn folder_is_filled_once() {
        let context = Context::new(false);
        let parent = std::env::temp_dir().join(format!("keysync-tasks-once-{}", std::process::id()));
        let folder = parent.join("tool-1.0");
        let fill = |new: &Path| fs::write(new.join("tool"), "").map_err(Error::io("write", new));
        once(&context, &folder, fill).unwrap();
        once(&context, &folder, |_| panic!("filled twice")).unwrap();
        assert!(folder.join("tool").is_file());
        fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn failed_installation_leaves_no_folder() {
        let context = Context::new(false);
        let parent = std::env::temp_dir().join(format!("keysync-tasks-failed-{}", std::process::id()));
        once(&context, &parent.join("tool-1.0"), |_| Err(Error::failed("no network"))).unwrap_err();
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
        fs::remove_dir_all(parent).unwrap();
    }
}
