//! `cargo task packages`: the packages of the command `harness` for Python and Node. They are
//! built, installed into empty folders and tested there, without Rust.

mod folder;
mod node;
mod page;
mod python;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::{Language, PackagesArgs},
    command::Context,
    error::{Error, Result},
    names::HARNESS,
    summary::skip,
};

/// Builds and tests the package of a language, or of both.
pub(crate) fn run(context: &Context, wanted: &PackagesArgs) -> Result {
    match wanted.language {
        Some(language) => language.package(context, wanted),
        None => [Language::Python, Language::Node]
            .into_iter()
            .try_for_each(|language| skip(context, language.package(context, wanted))),
    }
}

impl Language {
    fn package(self, context: &Context, wanted: &PackagesArgs) -> Result {
        let release = wanted.release;
        match (self, wanted.no_test) {
            (Self::Python, true) => python::build(context, release).map(drop),
            (Self::Python, false) => python::test(context, &python::build(context, release)?),
            (Self::Node, true) => node::build(context, release).map(drop),
            (Self::Node, false) => node::test(context, &node::build(context, release)?),
        }
    }
}

/// Where the packages are written.
fn output(context: &Context) -> Result<PathBuf> {
    let output = context.target.join("packages");
    fs::create_dir_all(&output).map_err(Error::io("create", &output))?;
    Ok(output)
}

/// Builds the command as `cargo build --workspace` does, so that an existing build is used, or
/// optimized and without symbols.
fn harness(context: &Context, is_release: bool) -> Result<PathBuf> {
    let mut build = context.cargo("build", ["--quiet", "--package", HARNESS.0, "--bin", HARNESS.1]);
    let profile = if is_release { "release" } else { "debug" };
    context.run(build.args(is_release.then_some("--release")))?;
    Ok(context.target.join(profile).join(HARNESS.1))
}

/// Deletes the packages of earlier builds, so that none of another version is installed.
fn delete_packages(output: &Path, extension: &str) -> Result {
    for package in packages(output, extension)? {
        fs::remove_file(&package).map_err(Error::io("delete", &package))?;
    }
    Ok(())
}

/// The packages with an extension, each reported with its size.
fn built(context: &Context, output: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let found = packages(output, extension)?;
    for package in &found {
        let bytes = package.metadata().map_err(Error::io("read", package))?.len();
        context.say(format!("{}  {}", package.display(), size(bytes)));
    }
    Ok(found)
}

fn packages(output: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(output).map_err(Error::io("list", output))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|is| is == extension)).collect();
    found.sort();
    Ok(found)
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{} kB", bytes / 1000);
    }
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_has_unit_of_its_magnitude() {
        assert_eq!(size(33_927_860), "33.9 MB");
        assert_eq!(size(9_400), "9 kB");
    }

    #[test]
    fn npm_packages_have_version_of_workspace() {
        let version = env!("CARGO_PKG_VERSION");
        let path = Context::new(false).root.join("harness/node/package.json");
        let manifest = fs::read_to_string(path).unwrap();
        let (_, platforms) = manifest.split_once("\"optionalDependencies\"").unwrap();
        assert!(manifest.contains(&format!("\n  \"version\": \"{version}\",\n")), "{manifest}");
        let wanted = format!("\": \"{version}\"");
        for line in platforms.lines().filter(|line| line.contains(node::SCOPE)) {
            assert!(line.contains(&wanted), "{line}");
        }
    }
}
