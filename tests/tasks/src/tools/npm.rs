//! Packages from the npm registry.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use super::{folder, once, version};
use crate::{
    command::{Context, find_program},
    error::{Error, Result},
};

/// The oldest Node that the packages support.
const MIN_NODE: u32 = 20;
const HOW: &str = "apt-get install nodejs npm";

/// Fails if npm is not installed.
pub(crate) fn npm() -> Result {
    find_program("npm").map(drop).ok_or_else(|| Error::missing("npm is not on the PATH", HOW))
}

/// Fails if Node or npm is not installed, or Node is too old.
pub(crate) fn node(context: &Context) -> Result {
    let needed = format!("(needs Node {MIN_NODE} or later)");
    let version = find_program("node")
        .and_then(|node| version(context, &node))
        .ok_or_else(|| Error::missing(format!("node is not on the PATH {needed}"), HOW))?;
    if version[0] < MIN_NODE {
        return Err(Error::missing(format!("node has version {} {needed}", version[0]), HOW));
    }
    npm()
}

/// Installs the locked packages of a folder with `package.json` below the target directory, once,
/// and returns the folder of `node_modules`.
pub(crate) fn ci(context: &Context, source: &str) -> Result<PathBuf> {
    let source = context.root.join(source);
    let lock = source.join("package-lock.json");
    let mut hasher = DefaultHasher::new();
    fs::read(&lock).map_err(Error::io("read", &lock))?.hash(&mut hasher);
    let folder = folder(context, "npm")?.join(format!("{:016x}", hasher.finish()));
    once(context, &folder, |new| {
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            let from = source.join(file);
            fs::copy(&from, new.join(file)).map_err(Error::io("copy", &from))?;
        }
        let mut install = context.command("npm");
        install.args(["ci", "--ignore-scripts", "--loglevel=error"]).current_dir(new);
        context
            .run(&mut install)
            .map_err(|error| Error::missing(error.to_string(), format!("npm ci in {}", source.display())))
    })?;
    Ok(folder)
}

/// Unpacks a package, without its dependencies, into a folder, once.
pub(crate) fn unpack(context: &Context, package: &str, folder: &Path) -> Result {
    if folder.is_dir() {
        return Ok(());
    }
    npm()?;
    once(context, folder, |new| {
        let mut pack = context.command("npm");
        pack.args(["pack", "--silent", package]).current_dir(new);
        let archive = context
            .capture(&mut pack)
            .map_err(|error| Error::missing(error.to_string(), format!("npm pack {package}")))?;
        let archive = new.join(archive.trim());
        context.run(
            context
                .command("tar")
                .args(["-xz", "--strip-components=1", "-C"])
                .arg(new)
                .arg("-f")
                .arg(&archive),
        )?;
        fs::remove_file(&archive).map_err(Error::io("delete", &archive))
    })
}
