//! The files of the repository.

use std::path::Path;

use crate::{command::Context, error::Result};

/// The paths of all tracked files that exist, relative to the root.
pub(crate) fn tracked(context: &Context) -> Result<Vec<String>> {
    let listed = context.capture(context.command("git").args(["ls-files", "-z"]))?;
    let exists = |file: &&str| !file.is_empty() && context.root.join(file).is_file();
    Ok(listed.split('\0').filter(exists).map(str::to_owned).collect())
}

/// The extension of a file's name, in lower case; empty if there is no dot.
pub(crate) fn extension(file: &str) -> String {
    let extension = Path::new(file).extension().unwrap_or_default();
    extension.to_string_lossy().to_lowercase()
}
