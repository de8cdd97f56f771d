//! `cargo task peers`: measures `sync` beside the functions that a user would write in Python and
//! Node.

use std::{fs, path::Path};

use super::clients::folder;
use crate::{
    command::Context,
    error::{Error, Result},
    names::HARNESS,
    tools::{npm, once, pypi},
};

const PYTHON: [&str; 2] =
    ["harness/bench/peers/python/function.py", "harness/bench/peers/python/requirements.txt"];
const NODE: [&str; 4] = [
    "harness/bench/peers/node/function.mjs",
    "harness/bench/peers/node/runtime.mjs",
    "harness/bench/peers/node/package.json",
    "harness/bench/peers/node/package-lock.json",
];

/// Installs the peers with their packages, and runs `harness bench` with them. `options` go to it.
pub(crate) fn run(context: &Context, options: &[String]) -> Result {
    let python = pypi::python(context)?;
    npm::node(context)?;
    let files = [&PYTHON[..], &NODE].concat();
    let peers = folder(context, &format!("peers-{}", python.tag), &files)?;
    once(context, &peers, |new| {
        python.requirements(context, &[PYTHON[1]], &new.join("python"))?;
        copy(context, &PYTHON[..1], &new.join("python"))?;
        fs::create_dir_all(new.join("node")).map_err(Error::io("create", new))?;
        copy(context, &NODE, &new.join("node"))?;
        let mut install = context.command("npm");
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        context
            .run(install.current_dir(new.join("node")))
            .map_err(|error| Error::missing(error.to_string(), "npm ci in harness/bench/peers/node"))
    })?;
    let mut bench = context.cargo("run", ["--profile", "bench", "--package", HARNESS.0, "--", "bench"]);
    bench.args(["--at-once", "1"]).arg("--peers").arg(&peers).args(options);
    context.run(&mut bench)
}

/// Copies files of the repository into a folder.
fn copy(context: &Context, files: &[&str], folder: &Path) -> Result {
    for file in files {
        let from = context.root.join(file);
        let name = from.file_name().unwrap_or_default();
        fs::copy(&from, folder.join(name)).map_err(Error::io("copy", &from))?;
    }
    Ok(())
}
