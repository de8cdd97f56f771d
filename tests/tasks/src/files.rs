//! The files of the repository.

use std::{fs, path::Path};

use crate::{command::Context, error::Result};

/// The paths of all tracked files that exist, relative to the root.
pub(crate) fn tracked(context: &Context) -> Result<Vec<String>> {
    let listed = context.capture(context.command("git").args(["ls-files", "-z"]))?;
    // Not symbolic links: what they refer to is listed itself.
    let is_file =
        |file: &&str| fs::symlink_metadata(context.root.join(file)).is_ok_and(|data| data.is_file());
    Ok(listed.split('\0').filter(|file| !file.is_empty()).filter(is_file).map(str::to_owned).collect())
}

/// The extension of a file's name, in lower case; empty if there is no dot.
pub(crate) fn extension(file: &str) -> String {
    let extension = Path::new(file).extension().unwrap_or_default();
    extension.to_string_lossy().to_lowercase()
}
