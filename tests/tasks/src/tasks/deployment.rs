//! `cargo task deployment`: the stack of `infra/` on an emulated AWS that runs it.

use super::{infra, test::build_programs};
use crate::{command::Context, error::Result};

const TESTS: &str = "test_deployment";
/// The variable with the folder of the functions' binaries and of `harness`.
const BINARIES: &str = "KEYSYNC_BINARIES";

/// Deploys the stack with the functions of the `dev` profile, and runs the tests that use it.
pub(crate) fn run(context: &Context) -> Result {
    let mut tests = infra::unittest(context)?;
    build_programs(context)?;
    context.run(tests.arg(TESTS).env(BINARIES, context.target.join("debug")))
}
