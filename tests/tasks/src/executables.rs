//! The executables that cargo builds of test targets.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use regex::Regex;

use crate::{
    command::Context,
    error::{Error, Result},
};

/// Runs `cargo test … --no-run` and returns the executables it names.
pub(crate) fn build_tests(context: &Context, command: &mut Command) -> Result<Vec<PathBuf>> {
    let output = command.args(["--color", "never"]).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| Error::failed(format!("cannot start cargo: {error}")))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Error::failed(format!("{text}the tests do not compile")));
    }
    // Cargo prints paths below its current directory as relative ones.
    Ok(listed(&text).map(|path| context.root.join(path)).collect())
}

/// The executable of a test target.
pub(crate) fn named<'a>(executables: &'a [PathBuf], target: &str) -> Result<&'a Path> {
    let is_named = |path: &&PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('-'));
        name.is_some_and(|(name, _)| name == target)
    };
    let found = executables.iter().find(is_named);
    found.map(|path| &**path).ok_or_else(|| Error::failed(format!("cargo built no executable of `{target}`")))
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    let executable = Regex::new(r"(?m)^ *Executable .*\((.*)\)$").expect("the pattern is valid");
    let paths: Vec<&str> =
        executable.captures_iter(text).filter_map(|line| Some(line.get(1)?.as_str())).collect();
    paths.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_found_by_target() {
        let text = "    Finished `test` profile\n  Executable e2e/main.rs (target/debug/deps/e2e-0a1b)\n  Executable tests/properties.rs (target/debug/deps/properties-2c3d)\n";
        let executables: Vec<PathBuf> = listed(text).map(PathBuf::from).collect();
        assert_eq!(named(&executables, "e2e").unwrap(), Path::new("target/debug/deps/e2e-0a1b"));
        assert!(named(&executables, "console").is_err());
    }
}
