//! `cargo task deployment`: the stack of `infra/` on an emulated AWS that runs it.

use super::{infra, test::build_programs};
use crate::{command::Context, error::Result, names::OPERATOR};

const TESTS: &str = "test_deployment";
/// The variable with the folder of the functions' binaries, of `harness` and of `keysyncctl`.
const BINARIES: &str = "KEYSYNC_BINARIES";

/// Deploys the stack with the functions of the `dev` profile, and runs the tests that use it, also
/// with the operator's command.
pub(crate) fn run(context: &Context) -> Result {
    let mut tests = infra::unittest(context)?;
    build_programs(context)?;
    context.run(&mut context.cargo("build", ["--workspace", "--bin", OPERATOR]))?;
    context.run(tests.arg(TESTS).env(BINARIES, context.target.join("debug")))
}
