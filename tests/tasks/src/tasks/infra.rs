//! `cargo task infra`: the template and its operation, without an account.

use std::{path::PathBuf, process::Command};

use super::second_engine::{Server, URL};
use crate::{
    cli::SecondEngine,
    command::Context,
    error::Result,
    tools::{
        cargo_install,
        pypi::{self, Python},
    },
};

const TOOLS: [&str; 2] = ["aws-sam-cli==1.170.0", "cfn-lint==1.58.0"];
const AWS_CLI: [&str; 1] = ["awscli==1.46.3"];
const MINISTACK: [&str; 2] = ["ministack==1.5.33", "aws-sam-translator==1.115.0"];
const CHECK_JSONSCHEMA: [&str; 1] = ["check-jsonschema==0.39.0"];
const CFN_GUARD: (&str, &str) = ("cfn-guard", "3.2.1");
/// `test_package` and `test_stack` use moto, `test_emulator`, `test_deploy` and `test_commands` use
/// ministack.
const TESTS: [&str; 12] = [
    "test_emulator",
    "test_linters",
    "test_parameters",
    "test_revision",
    "test_rules",
    "test_services",
    "test_pre_traffic",
    "test_package",
    "test_stack",
    "test_deploy",
    "test_commands",
    "test_variants",
];

/// Runs the tests in `tests/infra`, or those that are named.
pub(crate) fn run(context: &Context, tests: &[String]) -> Result {
    let guard = cargo_install::program(context, "infra", CFN_GUARD.0, CFN_GUARD.1)?;
    let check_jsonschema = pypi::python(context)?.packages(context, "infra", &CHECK_JSONSCHEMA)?;
    let moto = Server::start(context, SecondEngine::Moto)?;
    let mut command = unittest(context)?;
    command.env("CFN_GUARD", guard).env("CHECK_JSONSCHEMA", check_jsonschema).env(URL, &moto.url);
    if tests.is_empty() {
        command.args(TESTS);
    }
    context.run(command.args(tests))
}

/// The command that runs tests in `tests/infra` with their packages, which it installs.
pub(crate) fn unittest(context: &Context) -> Result<Command> {
    let python = pypi::python(context)?;
    let tools = python.packages(context, "infra", &TOOLS)?;
    let aws = python.packages(context, "infra", &AWS_CLI)?;
    let ministack = ministack(context, &python)?;
    let mut command = context.command(&python.program);
    command.args(["-m", "unittest"]).current_dir(context.root.join("tests/infra"));
    command.env("INFRA_TOOLS", &tools).env("AWS_CLI", aws).env("MINISTACK", ministack);
    command.env("PYTHONPATH", tools).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// Installs ministack, and returns the folder of its packages.
pub(crate) fn ministack(context: &Context, python: &Python) -> Result<PathBuf> {
    python.packages(context, "infra", &MINISTACK)
}
