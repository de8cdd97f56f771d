//! `cargo task deployment`: the stack of `infra/` on an emulated AWS that runs it.

use super::test::build_programs;
use crate::{command::Context, error::Result, tools::pypi};

const TOOLS: [&str; 4] =
    ["ministack==1.5.33", "boto3==1.43.106", "aws-sam-translator==1.115.0", "cfn-lint==1.58.0"];
const TESTS: &str = "test_deployment";
/// The variable with the folder of the functions' binaries and of `harness`.
const BINARIES: &str = "KEYSYNC_BINARIES";

/// Installs ministack and what deploys the template to it.
pub(crate) fn install(context: &Context) -> Result {
    pypi::python(context)?.packages(context, "deployment", &TOOLS).map(drop)
}

/// Deploys the stack with the functions of the `dev` profile, and runs the tests that use it.
pub(crate) fn run(context: &Context) -> Result {
    let python = pypi::python(context)?;
    let packages = python.packages(context, "deployment", &TOOLS)?;
    build_programs(context)?;
    let mut tests = context.command(&python.program);
    tests.args(["-m", "unittest", TESTS]).current_dir(context.root.join("tests/infra"));
    tests.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    context.run(tests.env(BINARIES, context.target.join("debug")))
}
