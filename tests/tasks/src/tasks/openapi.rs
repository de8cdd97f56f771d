//! `cargo task openapi`: the control API against its `OpenAPI` document.

use std::{
    env, fs,
    io::BufReader,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use regex::Regex;

use super::second_engine::first_line;
use crate::{
    command::Context,
    error::{Error, Result},
    names::HARNESS,
    tools::pypi::{self, Python},
};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Hooks and configuration of schemathesis.
const FOLDER: &str = "tests/openapi";
const SEED: &str = "19";
const EXAMPLES: &str = "15";
/// Time limit of all requests, in seconds.
const TIMEOUT: &str = "600";
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The environment variable with the path of an existing build of `harness`.
pub(crate) const HARNESS_BIN: &str = "KEYSYNC_HARNESS_BIN";

/// Installs schemathesis, and returns the interpreter and the folder of its packages.
pub(crate) fn install(context: &Context) -> Result<(Python, PathBuf)> {
    let python = pypi::python(context)?;
    let packages = python.packages(context, "openapi", &[SCHEMATHESIS])?;
    Ok((python, packages))
}

/// Sends valid and invalid requests to each operation of a running harness, and compares each
/// response with the OpenAPI document. `options` go to `schemathesis run`.
pub(crate) fn run(context: &Context, options: &[String]) -> Result {
    let (python, packages) = install(context)?;
    let harness = Harness::start(context)?;
    let folder = context.root.join(FOLDER);
    // schemathesis writes files to its current directory.
    let work = context.target.join("openapi/work");
    fs::create_dir_all(&work).map_err(Error::io("create", &work))?;
    let modules = env::join_paths([&packages, &folder])
        .map_err(|error| Error::failed(format!("cannot set PYTHONPATH: {error}")))?;
    let mut check = context.command("timeout");
    check.args(["--kill-after=10", TIMEOUT]).arg(&python.program).args([
        "-m",
        "schemathesis.cli",
        "--config-file",
    ]);
    check.arg(folder.join("schemathesis.toml")).arg("run").arg(format!("{}/openapi.json", harness.control));
    check.args([
        "--url",
        harness.control.trim_end_matches("/_harness"),
        "--seed",
        SEED,
        "--max-examples",
        EXAMPLES,
    ]);
    check.args(["--generation-database", "none", "--no-color", "--warnings", "off"]).args(options);
    check.env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1").env("SCHEMATHESIS_HOOKS", "hooks");
    context.run(check.current_dir(work))
}

/// A running harness. It stops when its standard input is closed, even if this process is killed.
pub(crate) struct Harness {
    process: Child,
    /// The URL of its control API.
    control: String,
}

impl Harness {
    /// Starts the harness, with the functions in its process.
    pub(crate) fn start(context: &Context) -> Result<Self> {
        let program = match env::var_os(HARNESS_BIN) {
            Some(named) => PathBuf::from(named),
            None => build_harness(context, &[])?,
        };
        let mut up = context.command(&program);
        up.args(["up", "--json", "--port", "0", "--function", "in-process", "--until-eof"]);
        let folder = context.target.join("openapi");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let log = folder.join("harness.log");
        let output = fs::File::create(&log).map_err(Error::io("write", &log))?;
        up.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output);
        let mut process = up
            .spawn()
            .map_err(|error| Error::failed(format!("cannot start {}: {error}", program.display())))?;
        let ready = process.stdout.take().map(|stdout| first_line(BufReader::new(stdout)));
        let ready = ready.and_then(|line| line.recv_timeout(START_TIMEOUT).ok()).unwrap_or_default();
        let mut harness = Self { process, control: String::new() };
        if let Some(control) = control_url(&ready) {
            harness.control = control;
            return Ok(harness);
        }
        drop(harness);
        let said = fs::read_to_string(&log).unwrap_or_default();
        Err(Error::failed(format!("{} did not start; its log:\n{}", program.display(), said.trim_end())))
    }

    /// The URL of its control API.
    pub(crate) fn control(&self) -> &str {
        &self.control
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // Closes its standard input. The harness may have stopped already.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Builds the `harness` command and other packages, and returns the path of the command.
pub(crate) fn build_harness(context: &Context, packages: &[&str]) -> Result<PathBuf> {
    let mut build = context.cargo("build", ["--quiet", "--package", HARNESS.0, "--bins"]);
    context.run(build.args(packages.iter().flat_map(|package| ["--package", package])))?;
    Ok(context.target.join("debug").join(HARNESS.1))
}

/// The `control` of the line of JSON that `harness up --json` prints when it is ready.
fn control_url(ready: &str) -> Option<String> {
    let control = Regex::new(r#""control"\s*:\s*"(http[^"\\]+)""#).ok()?;
    Some(control.captures(ready)?[1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_url_is_found_in_ready_line() {
        let ready = r#"{"url":"http://127.0.0.1:1","control":"http://127.0.0.1:1/_harness"}"#;
        assert_eq!(control_url(ready).as_deref(), Some("http://127.0.0.1:1/_harness"));
        assert_eq!(control_url(""), None);
    }
}
