//! Programs installed by `cargo install`, built from their source.

use std::{fs, path::PathBuf};

use super::folder;
use crate::{
    command::Context,
    error::{Error, Result},
};

/// Builds a program into a folder of `target/NAME`, once, and returns the program's path.
pub(crate) fn program(context: &Context, name: &str, crate_name: &str, version: &str) -> Result<PathBuf> {
    let root = folder(context, name)?.join(format!("{crate_name}-{version}-{}", std::env::consts::ARCH));
    let program = root.join("bin").join(crate_name);
    if program.is_file() {
        return Ok(program);
    }
    let build = root.with_extension("build");
    context.say(format!("building {crate_name} {version} into {}", root.display()));
    // Without optimization and debug information, the build takes less than half the time, and the
    // program is fast enough.
    let mut install = context.cargo("install", ["--quiet", "--debug", "--version", version, crate_name]);
    install.arg("--root").arg(&root).arg("--target-dir").arg(&build).env("CARGO_PROFILE_DEV_DEBUG", "false");
    context.run(&mut install).map_err(|error| {
        Error::missing(error.to_string(), format!("cargo install --locked --version {version} {crate_name}"))
    })?;
    fs::remove_dir_all(&build).map_err(Error::io("delete", &build))?;
    Ok(program)
}
