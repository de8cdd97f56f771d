//! The npm packages: the client, and the command for this platform.

use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    built, delete_packages,
    folder::{Folder, copy},
    harness, output,
};
use crate::{
    command::Context,
    error::{Error, Result},
    tools::npm,
};

/// The scope of the packages with the command.
pub(super) const SCOPE: &str = "@keysync/";
/// The package's folder.
const PACKAGE: &str = "harness/node";
/// Jest and TypeScript.
const TOOLS: &str = "tests/packages";
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

/// Builds both packages.
pub(super) fn build(context: &Context, is_release: bool) -> Result<Vec<PathBuf>> {
    npm::node(context)?;
    let (os, cpu) = platform()?;
    let tools = npm::ci(context, TOOLS)?;
    let output = output(context)?;
    delete_packages(&output, "tgz")?;

    let client = new_folder(&output.join("node-client"))?;
    copy(&context.root.join(PACKAGE), &client, &|file| !file.starts_with("test"))?;
    let mut declarations = context.command(tools.join("node_modules/.bin/tsc"));
    declarations.arg("--project").arg(context.root.join(PACKAGE)).arg("--outDir").arg(&client);
    declarations.arg("--typeRoots").arg(tools.join("node_modules/@types"));
    context.run(&mut declarations)?;
    pack(context, &client, &output)?;

    let command = new_folder(&output.join("node-command"))?;
    let manifest = command.join("package.json");
    fs::write(&manifest, self::manifest(os, cpu)).map_err(Error::io("write", &manifest))?;
    let program = command.join("bin/harness");
    fs::create_dir(command.join("bin")).map_err(Error::io("create", &program))?;
    let from = harness(context, is_release)?;
    fs::copy(&from, &program).map_err(Error::io("copy", &from))?;
    pack(context, &command, &output)?;
    built(context, &output, "tgz")
}

/// Follows the guide, which installs the packages, and runs the package's tests and the examples.
pub(super) fn test(context: &Context, packages: &[PathBuf]) -> Result {
    let tools = npm::ci(context, TOOLS)?;
    // The packages have no other dependencies: no registry is asked.
    let folder = Folder::new(context, "node", packages)?.with("npm_config_offline", "true");
    folder.follow(context, "docs/how-to/test-in-node.md")?;
    folder.copy(context, &format!("{PACKAGE}/test"), "tests")?;
    folder.run(context, "node --test tests/*.test.mjs")?;
    folder.copy(context, "examples/node", "examples/node")?;
    folder.run_documented(context, "examples/node/README.md", "node --test")?;
    let tool = |name: &str| tools.join("node_modules/.bin").join(name).display().to_string();
    folder.run(context, &format!("{} --ci tests/jest.test.js", tool("jest")))?;
    let types = tools.join("node_modules/@types");
    let options = "--noEmit --strict --module node20 --types node";
    folder.run(context, &format!("{} {options} --typeRoots {} tests/types.ts", tool("tsc"), types.display()))
}

/// The names that Node has for this platform.
fn platform() -> Result<(&'static str, &'static str)> {
    let os = match OS {
        "macos" => "darwin",
        "linux" => "linux",
        other => return Err(Error::Unsupported(format!("there is no npm package for {other}"))),
    };
    match ARCH {
        "x86_64" => Ok((os, "x64")),
        "aarch64" => Ok((os, "arm64")),
        other => Err(Error::Unsupported(format!("there is no npm package for {other}"))),
    }
}

/// The manifest of the package with the command, which npm installs on its platform only.
fn manifest(os: &str, cpu: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    // The command is linked with glibc.
    let libc = if os == "linux" { "\n  \"libc\": [\"glibc\"]," } else { "" };
    format!(
        "{{\n  \"name\": \"{SCOPE}harness-{os}-{cpu}\",\n  \"version\": \"{version}\",\n  \
         \"description\": \"The command of keysync-harness for {os}-{cpu}\",\n  \
         \"license\": \"MIT OR Apache-2.0\",\n  \"os\": [\"{os}\"],\n  \"cpu\": [\"{cpu}\"],{libc}\n  \
         \"files\": [\"bin\", \"LICENSE-*\"]\n}}\n"
    )
}

fn new_folder(folder: &Path) -> Result<PathBuf> {
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(Error::io("delete", folder))?;
    }
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    Ok(folder.to_owned())
}

fn pack(context: &Context, folder: &Path, output: &Path) -> Result {
    for licence in LICENCES {
        let from = context.root.join(licence);
        fs::copy(&from, folder.join(licence)).map_err(Error::io("copy", &from))?;
    }
    let mut pack: Command = context.command("npm");
    pack.args(["pack", "--silent", "--pack-destination"]).arg(output);
    context.capture(pack.current_dir(folder)).map(drop)
}
